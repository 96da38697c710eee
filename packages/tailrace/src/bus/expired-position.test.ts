import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ListLog, recorded } from '../../../conformance/src/memory-log.ts'
import type { LogPage, LogRead } from '../ports/event-log.ts'
import { expiredPosition } from './expired-position.ts'

class CountingLog extends ListLog {
  reads = 0
  override read(options: LogRead): Promise<LogPage> {
    this.reads++
    return super.read(options)
  }
}

function logOf(times: readonly number[]): CountingLog {
  const events = times.map((ms, i) => ({
    stream: `s${i % 7}`,
    event: { type: 'Happened', data: {} },
    at: new Date(ms).toISOString(),
  }))
  return new CountingLog(recorded(events))
}

test('it is the last event before a time, found with few reads', async () => {
  const times = fc
    .array(fc.nat(3), { maxLength: 300 })
    .map((steps) => steps.reduce<number[]>((all, step) => [...all, (all.at(-1) ?? 0) + step], []))
  await fc.assert(
    fc.asyncProperty(times, fc.nat(900), async (recordedMs, beforeMs) => {
      const log = logOf(recordedMs)
      const expired = await expiredPosition(log, beforeMs)
      expect(expired).toBe(BigInt(recordedMs.filter((ms) => ms < beforeMs).length))
      expect(log.reads).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(recordedMs.length + 2)))
    }),
  )
})

test('an empty log has none', async () => {
  expect(await expiredPosition(logOf([]), Number.POSITIVE_INFINITY)).toBe(0n)
})
