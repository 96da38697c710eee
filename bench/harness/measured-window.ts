import { closedLoop, quantile } from './closed-loop.ts'
import { cpuSeconds } from './cpu-time.ts'
import type { Measured } from './goal.ts'

/** Runs `body`, which answers with how many operations it did, and adds what they cost in CPU time. */
export async function withCpu<T extends { readonly operations: number }>(
  serverPids: readonly number[],
  body: () => Promise<T>,
): Promise<T & { readonly cpuUsPerOp: number; readonly ownUsPerOp: number }> {
  const before = cpuSeconds(serverPids)
  const ownBefore = process.cpuUsage()
  const result = await body()
  const { user, system } = process.cpuUsage(ownBefore)
  return {
    ...result,
    cpuUsPerOp: ((cpuSeconds(serverPids) - before) * 1e6) / result.operations,
    ownUsPerOp: (user + system) / result.operations,
  }
}

/** A closed loop as one side of a goal: its rate, its latencies, its CPU time. */
export async function measuredLoop(
  serverPids: readonly number[],
  callers: number,
  seconds: number,
  call: (caller: number, n: number) => Promise<unknown>,
): Promise<Measured> {
  const window = await withCpu(serverPids, () => closedLoop(callers, seconds, call))
  return {
    value: window.perSecond,
    cpuUsPerOp: window.cpuUsPerOp,
    also: {
      p50: quantile(window.latencies, 0.5),
      p99: quantile(window.latencies, 0.99),
      'µs in Node': window.ownUsPerOp,
    },
  }
}
