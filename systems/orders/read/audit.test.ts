import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { query, type QueryContext } from 'tailrace'
import { z } from 'zod'
import { audited, auditFile, type AuditEntry } from './audit.ts'

const hello = query('hello', {
  input: z.object({ name: z.string() }),
  reads: {},
  may: 'authenticated',
  run: async (_readers, { name }) => `hello ${name}`,
})

function as(role: string): QueryContext {
  return {
    actor: { role, id: 'sam' },
    signal: new AbortController().signal,
    now: '2026-11-26T12:00:00.000Z',
  }
}

test('records each answer to support before it is given, and nobody else’s', async () => {
  const entries: AuditEntry[] = []
  const { hello: watched } = audited({ hello }, { record: (entry) => entries.push(entry) })
  expect(await watched.run({} as never, { name: 'a' } as never, as('support'))).toBe('hello a')
  expect(await watched.run({} as never, { name: 'b' } as never, as('customer'))).toBe('hello b')
  expect(entries).toEqual([
    {
      at: '2026-11-26T12:00:00.000Z',
      actor: { role: 'support', id: 'sam' },
      query: 'hello',
      input: { name: 'a' },
    },
  ])
})

test('gives no answer that it could not record', () => {
  const broken = {
    record: () => {
      throw new Error('disk full')
    },
  }
  const { hello: watched } = audited({ hello }, broken)
  expect(() => watched.run({} as never, { name: 'a' } as never, as('support'))).toThrow('disk full')
})

test('appends to a file, a line of JSON each, also after a restart', () => {
  const folder = mkdtempSync(join(tmpdir(), 'audit-'))
  const path = join(folder, 'audit.ndjson')
  for (const name of ['a', 'b']) {
    const file = auditFile(path)
    file.record({
      at: '2026-11-26T12:00:00.000Z',
      actor: { role: 'support', id: 'sam' },
      query: 'hello',
      input: { name },
    })
    file.close()
  }
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as AuditEntry).input)).toEqual([
    { name: 'a' },
    { name: 'b' },
  ])
  rmSync(folder, { recursive: true })
})
