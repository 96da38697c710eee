import { Random } from '../../packages/simulator/src/kernel/random.ts'
import type { Change, Entry, History, Step } from './history.ts'
import { aggregateOf } from './history.ts'
import { SimulatedSide } from './simulated-side.ts'

export const sessions = ['s1', 's2', 's3', 's4'] as const

const boxes = ['b1', 'b2', 'b3']
const ids = [...boxes, 'c1', 'c2']
const codes = ['x', 'y', 'z']
const timers = ['t1', 't2']

/** The rows of an aggregate as somebody may know them. */
interface Known {
  readonly version: number
  readonly labels: readonly string[]
}

/**
 * A random history. What is to be written is drawn from the rows as they are, or were a while ago; a step after which two
 * sessions could go on at once is left out, since then the server may let either be first.
 */
export async function randomHistory(seed: number, steps: number): Promise<History> {
  const maker = new HistoryMaker(new Random(seed, 7))
  const history: Step[] = []
  let side = await SimulatedSide.open(sessions)
  while (history.length < steps) {
    const step = maker.next(side)
    await side.take(step)
    if (!side.raced) {
      history.push(step)
      maker.remember(side)
      continue
    }
    side = await SimulatedSide.open(sessions)
    for (const taken of history) await side.take(taken)
  }
  return history
}

class HistoryMaker {
  readonly #random: Random
  /** How the rows were after each step. */
  readonly #past: ReadonlyMap<string, Known>[] = [new Map()]
  #command = 0
  #vanishes = true

  constructor(random: Random) {
    this.#random = random
  }

  remember({ database: { state } }: SimulatedSide): void {
    this.#past.push(
      new Map(
        ids.flatMap((id) => {
          const rows = state.aggregates.get(`${aggregateOf(id).name} ${id}`)
          return rows === undefined ? [] : [[id, knownOf(rows)]]
        }),
      ),
    )
  }

  next(side: SimulatedSide): Step {
    const random = this.#random
    if (random.chance(0.12))
      return {
        by: 'sequencer',
        does: 'step',
        limit: random.between(1, 3),
        again: random.chance(0.15),
      }
    const live = sessions.filter((name) => !side.session(name).vanished)
    const session = side.session(random.pick(live))
    const by = session.name
    if (session.pending) return this.#interrupt(by, live.length) ?? this.next(side)
    return session.isOpen ? this.#inConversation(by, side, live.length) : this.#outside(by, side)
  }

  #interrupt(by: string, live: number): Step | undefined {
    const random = this.#random
    if (random.chance(0.1)) return { by, does: 'terminate' }
    if (!this.#vanishes || live < 3 || !random.chance(0.1)) return undefined
    this.#vanishes = random.chance(0.3)
    return { by, does: 'vanish' }
  }

  #inConversation(by: string, side: SimulatedSide, live: number): Step {
    const random = this.#random
    const draw = random.next()
    if (draw < 0.3) return { by, does: 'lock', id: random.pick(ids) }
    if (draw < 0.65) return { by, does: 'write', entry: this.#entry(by, side) }
    if (draw < 0.82) return { by, does: 'finish', entry: this.#entry(by, side) }
    if (draw < 0.92) return { by, does: 'roll back' }
    return this.#interrupt(by, live) ?? { by, does: 'terminate' }
  }

  #outside(by: string, side: SimulatedSide): Step {
    const random = this.#random
    const draw = random.next()
    if (draw < 0.1) return { by, does: 'load', ids: random.shuffled(ids).slice(0, 2) }
    if (draw < 0.45) return { by, does: 'begin' }
    if (draw < 0.85) return { by, does: 'commit', entry: this.#entry(by, side) }
    const entries = Array.from({ length: random.between(1, 3) }, () => this.#entry(by, side))
    return { by, does: 'commit each', entries }
  }

  #entry(by: string, side: SimulatedSide): Entry {
    const random = this.#random
    const touched = random.shuffled(ids).slice(0, random.chance(0.7) ? 1 : 2)
    const used = new Set<string>()
    const command =
      random.chance(0.08) && this.#command > 0 ? random.between(1, this.#command) : ++this.#command
    return {
      command,
      changes: touched.map((id) => this.#change(id, this.#known(by, side, id), used)),
      timer: random.chance(0.15)
        ? { name: random.pick(timers), set: random.chance(0.7) }
        : undefined,
      issued: random.chance(0.15) ? this.#issued(side) : undefined,
    }
  }

  /** Of a timer as it is, or by a command that may have set it before. */
  #issued({ database: { state } }: SimulatedSide): Entry['issued'] {
    const random = this.#random
    const name = random.pick(timers)
    const set = state.timers.get(`later ${name}`)?.input
    const by = set === undefined || random.chance(0.2) ? random.between(1, this.#command) : set
    return { name, by: Number(by) }
  }

  #known(by: string, side: SimulatedSide, id: string): Known | undefined {
    const random = this.#random
    if (random.chance(0.25))
      return this.#past[Math.max(0, this.#past.length - random.between(1, 6))]!.get(id)
    const { state } = side.database
    const key = `${aggregateOf(id).name} ${id}`
    const rows = side.transactionOf(by)?.aggregate(state, key) ?? state.aggregates.get(key)
    return rows && knownOf(rows)
  }

  #change(id: string, known: Known | undefined, used: Set<string>): Change {
    const random = this.#random
    const own = known?.labels ?? []
    const free = boxes.includes(id)
      ? codes.filter((code) => !own.includes(code) && !used.has(code))
      : []
    const add = random.chance(0.4) ? free.slice(0, 1) : []
    for (const code of add) used.add(code)
    // Versions are never given twice: what was removed and made again is told from what was.
    if (known === undefined)
      return { kind: 'make', id, version: this.#past.length * 100, labels: add }
    const expected = known.version + (random.chance(0.05) ? 1 : 0)
    const draw = random.next()
    if (draw < 0.15) return { kind: 'guard', id, expected }
    if (draw < 0.35) return { kind: 'remove', id, expected, labels: own }
    return { kind: 'change', id, expected, add, drop: random.chance(0.4) ? own.slice(0, 1) : [] }
  }
}

function knownOf(rows: {
  readonly root: Readonly<Record<string, unknown>>
  readonly children: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>
}): Known {
  return {
    version: Number(rows.root['version']),
    labels: (rows.children['labels'] ?? []).map((row) => String(row['code'])),
  }
}
