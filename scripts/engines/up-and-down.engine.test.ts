import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { engine } from '../../test/support/engines.ts'
import { killNode, pauseNode, resumeNode, startNode } from './engine-control.ts'
import type { EngineName } from './engine-names.ts'
import { readState } from './engine-state.ts'
import type { EngineAnswer } from './up-and-down.ts'

// The program itself, in a data folder of its own, with the smallest engine. It runs where that engine is in the cache.

const data = mkdtempSync(join(tmpdir(), 'tailrace-engines-'))
afterAll(async () => {
  await engines('down')
  rmSync(data, { recursive: true })
})

const run = promisify(execFile)

async function engines(...args: string[]): Promise<Partial<Record<EngineName, EngineAnswer>>> {
  const program = ['--conditions=source', join(import.meta.dirname, '../engines.ts')]
  const answer = run(process.execPath, [...program, ...args, '--json'], {
    env: { ...process.env, ENGINES_DATA: data },
  })
  // It ends with 1 when an engine does not serve; the answer is complete all the same.
  const { stdout } = await answer.catch((error: unknown) => error as { stdout: string })
  return JSON.parse(stdout) as Partial<Record<EngineName, EngineAnswer>>
}

/** The answer to one command, without what a client library would add. */
function say(port: number, command: string): Promise<string> {
  return new Promise((done, failed) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('error', failed)
    socket.once('data', (answer) => {
      done(answer.toString().trim())
      socket.destroy()
    })
    socket.write(`${command}\r\n`)
  })
}

engine('redis').describe('npm run engines', () => {
  test('starts an engine once, survives kill -9 and a pause, and stops what it started', async () => {
    expect(await engines('status', 'redis')).toEqual({ redis: { state: 'absent' } })

    const { redis: first } = await engines('up', 'redis')
    expect(first).toMatchObject({ state: 'running', version: expect.stringMatching(/^\d+\.\d+/) })
    const state = readState('redis', data)!
    const { port } = state.nodes[0]!
    expect(first!.url).toBe(`redis://127.0.0.1:${port}`)
    expect(await say(port, 'SET kept yes')).toBe('+OK')

    const { redis: again } = await engines('up', 'redis')
    expect(again!.pid).toBe(first!.pid)

    await killNode(state, 1, data)
    expect((await engines('status', 'redis')).redis).toMatchObject({ state: 'stopped' })
    await startNode(state, 1, data)
    expect(await say(port, 'GET kept')).toBe('$3\r\nyes')

    pauseNode(state, 1, data)
    expect((await engines('status', 'redis')).redis).toMatchObject({ state: 'silent' })
    resumeNode(state, 1, data)
    const { redis: resumed } = await engines('status', 'redis')
    expect(resumed).toMatchObject({ state: 'running', url: first!.url })
    expect(resumed!.pid).not.toBe(first!.pid)

    pauseNode(state, 1, data)
    expect((await engines('down', 'redis')).redis).toMatchObject({ state: 'stopped' })
    expect((await engines('up', 'redis')).redis).toMatchObject({
      state: 'running',
      url: first!.url,
    })
    expect(await say(port, 'GET kept')).toBe('$3\r\nyes')

    expect((await engines('up', 'redis', '--fresh')).redis).toMatchObject({ state: 'running' })
    const fresh = readState('redis', data)!.nodes[0]!.port
    expect(await say(fresh, 'GET kept')).toBe('$-1')
  })
})
