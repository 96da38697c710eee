import { startMs } from '../kernel/process-clock.ts'
import type { Random } from '../kernel/random.ts'
import type { World } from './world.ts'

/** A command to send, and under which key. */
export interface CommandPlan {
  readonly name: string
  readonly input: Readonly<Record<string, unknown>>
  readonly key: string | undefined
}

/** Draws a command on one of a few orders, so that sessions meet. */
export function randomCommand(world: World, random: Random): CommandPlan {
  const id = world.orderId(random)
  const { focus } = world.swarm
  const customer = `c-${random.below(2)}`
  const poison = random.chance(world.swarm.poison)
  const line = random.between(1, 3)
  const quantity = random.between(1, 9)
  const expiresAt = random.chance(0.4) ? soon(world, random) : null
  const plan = (name: string, input: Record<string, unknown>): CommandPlan => ({
    name,
    input: { id, ...input },
    key: undefined,
  })
  const draw = drawOf(world, random)
  if (draw < 0.3) {
    const lines = [1, 2, 3]
      .filter(() => random.chance(world.swarm.focus === 'moves' ? 1 : 0.6))
      .map((n) => ({ line: n, quantity: random.between(1, 9) }))
    return plan('place', { customer, lines, expiresAt, poison })
  }
  if (draw < 0.5) return plan('add', { line, quantity, poison })
  if (draw < 0.58) return plan('remove', { line })
  // Few payment ids: two orders may claim the same one, which only the database can see.
  const payments = focus === 'undone deeds' ? 10_000 : 8
  if (draw < 0.7) return plan('pay', { payment: `p-${random.below(payments)}`, amount: quantity })
  if (draw < 0.81)
    return plan('touch', {
      customer,
      note:
        focus !== 'overlaps' && focus !== 'undone deeds' && random.chance(0.5)
          ? 'nothing'
          : 'hello',
      expiresAt: random.chance(focus === 'undone deeds' ? 0.8 : 0.3) ? soon(world, random) : null,
    })
  if (draw < 0.86) return plan('drop', {})
  const from = world.orderId(random)
  return plan('move', { from: from === id ? world.orderId(random) : from, line, quantity })
}

function drawOf({ swarm: { focus } }: World, random: Random): number {
  const draw = random.next()
  // Where it is about moves, most commands are moves; where it is about overlaps, most are such as never fail.
  if (focus === 'moves' && draw > 0.35) return 0.95
  if (focus === 'overlaps' && draw > 0.1) return 0.75
  // Orders that come and go, and changes of those that were there.
  if (focus === 'second lives' || focus === 'overtaken writes')
    return draw < 0.35 ? 0.1 : draw < 0.65 ? 0.85 : 0.4
  if (focus === 'repeats') return draw < 0.3 ? 0.1 : draw < 0.52 ? 0.85 : draw < 0.85 ? 0.4 : 0.75
  if (focus === 'stuck writes' && draw > 0.8) return 0.85
  // Timers to be set, and payments to be followed up.
  if (focus === 'undone deeds') return draw < 0.5 ? 0.75 : 0.65
  return draw
}

function soon({ simulation, swarm: { focus } }: World, random: Random): string {
  const withinMs = focus === 'undone deeds' ? 300 : 800
  return new Date(
    Math.floor(startMs + simulation.kernel.nowMs + random.within(0, withinMs)),
  ).toISOString()
}
