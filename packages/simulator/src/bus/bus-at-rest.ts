import { slotRanges, type BusSourceStatus } from 'tailrace/adapter'
import type { BusStatus } from 'tailrace'
import type { LoggedEvent, Violation } from '../checker/history.ts'
import { checkBus } from '../checker/check-bus.ts'
import type { Process } from '../kernel/process.ts'
import { historyOf } from '../server/logged-events.ts'
import type { SimNode } from '../world/sim-node.ts'
import type { World } from '../world/world.ts'
import type { SimBroker } from './broker.ts'

/** Events that the broker was not given, or not where their slot belongs; undefined when it has had them all. */
export function busBehind({ broker, database }: World): string | undefined {
  if (broker === undefined) return undefined
  const { topic } = broker
  const ranges = slotRanges(topic.partitions)
  for (const { position, row } of database.state.sequenced) {
    const partition = ranges.findIndex(({ from, to }) => row.slot >= from && row.slot <= to)
    if (!topic.wasGiven(partition, position))
      return `partition ${partition} of the bus was not given ${position}`
  }
  return undefined
}

/**
 * At rest, one relay publishes, and who reads the bus reads all of it, once. Asked again until that is so; what is still
 * otherwise in the end is returned.
 */
export async function askAboutBus(
  world: World,
  thrown: () => unknown,
): Promise<string | undefined> {
  const { broker, simulation } = world
  if (broker === undefined) return undefined
  const { kernel } = simulation
  const untilMs = kernel.nowMs + 20_000
  let why: string | undefined
  let asked = false
  const ask = async (): Promise<void> => {
    for (; kernel.nowMs < untilMs; await kernel.pause(100, 'ask')) {
      why = await strangeness(world, broker)
      if (why === undefined) break
    }
    asked = true
  }
  void ask()
  await kernel.run(() => asked || thrown() !== undefined, untilMs + 10_000, 400_000)
  return asked ? why : 'a process does not say how its bus does'
}

async function strangeness(world: World, broker: SimBroker): Promise<string | undefined> {
  let active = 0
  for (const node of world.nodes) {
    const { running, process } = node
    if (running === undefined || process === undefined) return `${node.name} is down`
    const status = (await running.engine.status()).bus
    if (status === undefined) return `${node.name} knows of no bus`
    const why = strangeNode(node, process, status, broker)
    if (why !== undefined) return why
    if (status.relay?.state === 'active') active++
    note(world, status.source)
  }
  return active === 1 ? undefined : `${active} relays are active`
}

function strangeNode(
  { name, roles }: SimNode,
  process: Process,
  { relay, source }: BusStatus,
  broker: SimBroker,
): string | undefined {
  if (roles.includes('relay') !== (relay !== undefined)) return `${name} has the wrong relay`
  if (relay?.state === 'waiting') return `the relay of ${name} waits: ${relay.lastError}`
  if (relay !== undefined && relay.backlog > 0) return `the relay of ${name} is behind`
  if (!roles.includes('worker')) return undefined
  if (source === undefined) return `${name} does not say how it reads the bus`
  const { applied, duplicate, refused, invalid } = source.messages
  const counted = applied + duplicate + refused + invalid
  const delivered = broker.delivered.get(process) ?? 0
  if (counted !== delivered) return `${name} counts ${counted} messages of ${delivered}`
  // Who has never looked at the log does not know where to begin.
  if (source.position === undefined) return undefined
  const read = broker.partitionsReadBy(process).join(' ')
  const all = Array.from({ length: broker.topic.partitions }, (_, i) => i).join(' ')
  if (!source.connected) return `${name} does not follow the bus: ${source.waiting}`
  return read === all ? undefined : `${name} reads the partitions ${read}, not ${all}`
}

/** Which doubts came up, and that a loss is never made up. */
function note({ simulation, violations }: World, source: BusSourceStatus | undefined): void {
  if (source === undefined) return
  const { lost } = source.gapsHealed
  for (const [reason, count] of Object.entries(source.gapsHealed))
    if (count > 0) simulation.marks.sometimes(`a gap is healed: ${reason}`)
  for (const [what, count] of Object.entries(source.messages))
    if (count > 0) simulation.marks.sometimes(`messages of the bus: ${what}`)
  if (lost > 0 && source.messages.refused === 0 && simulation.faults.happened.length === 0)
    violations.push({ invariant: 'I2', text: `${lost} losses were healed where nothing was lost` })
}

/** What the broker was given, and what the other team made of it. */
export function checkWorldBus(world: World, log: readonly LoggedEvent[]): Violation[] {
  const { broker, database, team, pastLogs } = world
  if (broker === undefined) return []
  const logs = new Map(pastLogs)
  const history = historyOf(database.state)
  if (history !== undefined) logs.set(history, log)
  return checkBus({
    messages: broker.given,
    maxBytes: broker.tuning.maxBytes,
    logs,
    taken: team?.taken,
  })
}
