import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { app, query, type Policy } from 'tailrace'
import { z } from 'zod'
import { MemoryEngine } from '../../../test/support/memory-engine.ts'
import { Counts, Ticket, Tickets } from '../../../test/support/ticket-app.ts'
import { ann, sue, surfaces, type TestSurface } from '../test/surfaces.ts'

const owner = z.object({ owner: z.string() })

function asked<I>(name: string, input: z.ZodType<I>, may: Policy<{ readonly input: I }>) {
  return query(name, { input, reads: { tickets: Tickets }, may, run: async () => null })
}

const supportOnly = asked('supportOnly', z.object({}), ({ actor }) => actor.role === 'support')
const withReason = query('withReason', {
  input: z.object({}),
  reads: { counts: Counts },
  may: () => ({ because: 'it is closed' }),
  run: async () => null,
})
const own = asked('own', owner, ({ actor, input }) => actor.id === input.owner)
const ownOfCustomers = asked(
  'ownOfCustomers',
  owner,
  ({ actor, input }) => actor.role === 'customer' && 'owner' in input && actor.id === input.owner,
)
const ownByWord = asked('ownByWord', z.string(), ({ actor, input }) => actor.id === input)
const careful = asked('careful', owner, ({ actor, input }) => {
  try {
    return actor.id === input.owner
  } catch {
    return false
  }
})
const broken = asked('broken', owner, () => {
  throw new Error('a policy of no use')
})

const guarded = app({
  aggregates: { Ticket },
  commands: {},
  projections: { Tickets, Counts },
  queries: { supportOnly, withReason, own, ownOfCustomers, ownByWord, careful, broken },
})

describe.each(Object.entries(surfaces))('who may follow what over %s', (_, make) => {
  let surface: TestSurface
  beforeEach(async () => void (surface = await make(new MemoryEngine(guarded))))
  afterEach(() => surface.close())

  /** The names in the first event, or the code of the refusal. */
  async function followed(headers: Record<string, string>, names?: string): Promise<string> {
    const path = names === undefined ? '/live' : `/live?queries=${names}`
    const response = await surface.call(path, { headers })
    if (response.status !== 200) return ((await response.json()) as { code: string }).code
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body!) {
      text += decoder.decode(chunk, { stream: true })
      const data = /data: (.*)\n\n/.exec(text)
      if (data !== null) return (JSON.parse(data[1]!) as { queries: string[] }).queries.join(' ')
    }
    return text
  }

  test('a query that the caller may never ask is refused by name', async () => {
    for (const name of ['supportOnly', 'own,supportOnly', 'withReason', 'broken'])
      expect(`${name}: ${await followed(ann, name)}`).toBe(`${name}: NOT_ALLOWED`)
    expect(await followed(sue, 'supportOnly')).toBe('supportOnly')
    expect(await followed(sue, 'ownOfCustomers')).toBe('NOT_ALLOWED')
  })

  test('a query whose policy depends on the input may be followed', async () => {
    for (const name of ['own', 'ownOfCustomers', 'ownByWord', 'careful'])
      expect(await followed(ann, name)).toBe(name)
  })

  test('without names only those are followed that the caller may ask', async () => {
    expect(await followed(ann)).toBe('own ownOfCustomers ownByWord careful')
    expect(await followed(sue)).toBe('supportOnly own ownByWord careful')
    expect(await followed({})).toBe('NOT_AUTHENTICATED')
  })
})
