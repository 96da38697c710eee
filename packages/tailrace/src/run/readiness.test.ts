import { expect, test } from 'vitest'
import { testClock } from '../testing/test-clock.ts'
import { Readiness } from './readiness.ts'

const fine = { name: 'the write database', ping: async () => undefined }

function hanging(name: string): {
  name: string
  ping: () => Promise<void>
  asked: number
  answer: () => void
} {
  const server = {
    name,
    asked: 0,
    answer: (): void => undefined,
    ping: () => {
      server.asked++
      return new Promise<void>((resolve) => (server.answer = resolve))
    },
  }
  return server
}

test('is ready when every server answers', async () => {
  await expect(new Readiness(testClock(), [fine, fine]).check()).resolves.toBeUndefined()
})

test('names the server that gives no answer, in less than a second', async () => {
  const clock = testClock()
  const checked = new Readiness(clock, [fine, hanging('read store "lmdb"')]).check()
  await new Promise(setImmediate)
  expect(clock.nextInMs()).toBeLessThan(900)
  clock.advance(900)
  await expect(checked).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('got nothing in 800 ms from read store "lmdb"'),
  })
})

test('repeats nothing that a driver said, but keeps it as the cause', async () => {
  const cause = new Error('connect ECONNREFUSED 127.0.0.1:39757')
  const broken = { name: 'the write database', ping: () => Promise.reject(cause) }
  const failed = await new Readiness(testClock(), [broken, fine]).check().catch((error) => error)
  expect(failed).toMatchObject({ code: 'UNAVAILABLE', cause })
  expect(failed.message).toContain('got an error from the write database')
  expect(failed.message).not.toContain('39757')
})

test('asks a server that hangs once, however many want to know, and anew when it is back', async () => {
  const clock = testClock()
  const server = hanging('the write database')
  const readiness = new Readiness(clock, [server])
  for (let probe = 0; probe < 5; probe++) {
    const checks = [readiness.check(), readiness.check()].map((check) =>
      expect(check).rejects.toMatchObject({ code: 'UNAVAILABLE' }),
    )
    clock.advance(1_000)
    await Promise.all(checks)
  }
  expect(server.asked).toBe(1)
  server.answer()
  await Promise.resolve()
  const again = readiness.check()
  expect(server.asked).toBe(2)
  server.answer()
  await expect(again).resolves.toBeUndefined()
})

test('gives up a question whose connection is lost without a word', async () => {
  const clock = testClock()
  const server = hanging('the write database')
  const readiness = new Readiness(clock, [server])
  const first = readiness.check().catch((error: unknown) => error)
  clock.advance(30_000)
  await first
  const second = readiness.check()
  expect(server.asked).toBe(2)
  server.answer()
  await expect(second).resolves.toBeUndefined()
})
