import { runStatement, statementRunner } from '../engines/statement-loop.ts'
import type { Goal, Measured, PreparedGoal } from '../harness/goal.ts'
import { measuredLoop, withCpu } from '../harness/measured-window.ts'
import { startOrderSystem, type OrderSystemOptions } from '../workloads/order-system.ts'
import { placeOrderByHand } from '../workloads/place-order-function.ts'
import type { Lab } from '../engines/lab.ts'

/** Callers of the ceiling: where one call per command is at its best on a small machine. */
const ceilingClients = 32

const common = {
  unit: 'commands/s',
  sense: 'at-least',
  ceilingName: `${statementRunner}, one function call per command, ${ceilingClients} clients`,
} as const

/** One transaction per command: what the write path costs where nothing can be coalesced. */
export const singleCommand: Goal = {
  ...common,
  id: 'P1',
  name: 'placeOrder, one transaction per command, 32 callers',
  target: 0.9,
  prepare: (lab) =>
    againstFunction(lab, 32, {
      commandConnections: 32,
      executor: { batchMax: 1, batchesMax: 32 },
    }),
}

/** As the product runs: commands that wait share a transaction. */
export const coalesced: readonly Goal[] = [
  { callers: 32, target: 3 },
  { callers: 400, target: 4.5 },
].map(({ callers, target }) => ({
  ...common,
  id: `P2.${callers}`,
  name: `placeOrder, ${callers} callers`,
  target,
  prepare: (lab) => againstFunction(lab, callers, {}),
}))

/** The process that takes commands, alone: sequencer and workers run elsewhere, and the ceiling has none either. */
async function againstFunction(
  lab: Lab,
  callers: number,
  options: OrderSystemOptions,
): Promise<PreparedGoal> {
  const system = await startOrderSystem(lab, { roles: ['api'], ...options })
  const byHand = await placeOrderByHand(system)
  return {
    product: () => measuredLoop(lab.serverPids(), callers, lab.seconds, system.placeOrder),
    async ceiling(): Promise<Measured> {
      const { perSecond, p50, p99, cpuUsPerOp } = await withCpu(lab.serverPids(), () =>
        runStatement({ ...byHand, clients: ceilingClients, seconds: lab.seconds }),
      )
      return { value: perSecond, cpuUsPerOp, also: { p50, p99 } }
    },
    compare: (product, ceiling) => ({
      'p50 / ceiling': product.also!['p50']! / ceiling.also!['p50']!,
    }),
    close: () => system.running.stop(),
  }
}
