import { Overlay, type OverlayAnswer, type PendingEntry } from '../src/overlay.ts'

/** What a strategy for pending commands must offer to be simulated. */
export interface Strategy {
  issue(patch: (ids: readonly string[]) => readonly string[]): PendingEntry
  answered(answer: OverlayAnswer<readonly string[]>): void
  view(): { readonly data: readonly string[] } | undefined
  readonly entries: readonly PendingEntry[]
}

export interface SimulationResult {
  readonly checks: number
  readonly wrong: number
  /** Pending commands that were never settled although the read model had everything. */
  readonly left: number
}

export interface SimulationOptions {
  readonly seed: number
  readonly strategy: () => Strategy
  /** Parts of the read model that apply events on their own: with more than one, a position says "at least". */
  readonly ranges: number
}

interface Command {
  readonly id: string
  readonly range: number
  readonly entry: PendingEntry | undefined
  readonly rejected: boolean
  position: bigint | undefined
  answered: number | undefined
}

/**
 * A lagging read model, answers out of order, a fifth of the commands rejected, other clients, and increments that are
 * not idempotent (each effect is an id that must be there exactly once). After every step the view is checked: each own
 * command once unless its rejection is known, and nothing that was seen is lost.
 */
export function simulate({ seed, strategy, ranges }: SimulationOptions): SimulationResult {
  const random = mulberry(seed)
  const pick = (n: number): number => Math.floor(random() * n)
  const overlay = strategy()
  const log: Command[] = []
  const applied = Array.from({ length: ranges }, () => 0n)
  const own: Command[] = []
  const onTheWay: (() => void)[] = []
  let asking = false
  const foreignSeen = new Set<string>()
  let moment = 0
  let issued = 0
  let checks = 0
  let wrong = 0

  function append(command: Command): void {
    log.push(command)
    command.position = BigInt(log.length)
  }

  function read(): { data: readonly string[]; position: bigint } {
    const data = log
      .filter((command, index) => BigInt(index) < applied[command.range]!)
      .map(({ id }) => id)
    return { data, position: applied.reduce((a, b) => (a < b ? a : b)) }
  }

  function send(): void {
    const id = `own-${issued++}`
    const entry = overlay.issue((ids) => [...ids, id])
    const made: Command = {
      id,
      range: pick(ranges),
      entry,
      rejected: random() < 0.2,
      position: undefined,
      answered: undefined,
    }
    own.push(made)
    onTheWay.push(() => {
      if (!made.rejected) append(made)
      onTheWay.push(() => {
        made.answered = ++moment
        if (made.rejected) return entry.rejected()
        entry.committed(made.answered)
        // The position becomes known later, or never.
        if (random() < 0.7) onTheWay.push(() => entry.committed(made.answered!, made.position))
      })
    })
  }

  function ask(): void {
    // Where positions say "at least", a view asks one question at a time.
    if (asking && ranges > 1) return
    asking = true
    const asked = ++moment
    const tokens = own.filter(({ answered, rejected }) => answered !== undefined && !rejected)
    onTheWay.push(() => {
      const fresh = tokens.every(({ range, position }) => applied[range]! >= position!)
      const { data, position } = read()
      const contains = (entry: PendingEntry): boolean =>
        fresh && entry.state === 'committed' && entry.since < asked
      onTheWay.push(() => {
        asking = false
        overlay.answered({ data, position, asked, contains })
      })
    })
  }

  function apply(): void {
    const range = pick(ranges)
    const to = applied[range]! + BigInt(1 + pick(3))
    applied[range] = to < BigInt(log.length) ? to : BigInt(log.length)
  }

  function check(): void {
    const view = overlay.view()
    if (view === undefined) return
    checks++
    const counts = new Map<string, number>()
    for (const id of view.data) counts.set(id, (counts.get(id) ?? 0) + 1)
    const ownRight = own.every(
      ({ id, rejected, answered }) =>
        (counts.get(id) ?? 0) === (rejected && answered !== undefined ? 0 : 1),
    )
    const foreignRight = [...foreignSeen].every((id) => counts.get(id) === 1)
    for (const id of counts.keys()) if (id.startsWith('other')) foreignSeen.add(id)
    if (!ownRight || !foreignRight) wrong++
  }

  const actions = [
    send,
    ask,
    ask,
    apply,
    apply,
    apply,
    (): void =>
      append({
        id: `other-${log.length}`,
        range: pick(ranges),
        entry: undefined,
        rejected: false,
        position: undefined,
        answered: undefined,
      }),
  ]
  ask()
  for (let step = 0; step < 200; step++) {
    if (onTheWay.length > 0 && random() < 0.6) onTheWay.splice(pick(onTheWay.length), 1)[0]!()
    else actions[pick(actions.length)]!()
    check()
  }
  while (onTheWay.length > 0) {
    onTheWay.splice(pick(onTheWay.length), 1)[0]!()
    check()
  }
  applied.fill(BigInt(log.length))
  ask()
  while (onTheWay.length > 0) onTheWay.shift()!()
  check()
  return { checks, wrong, left: overlay.entries.length }
}

/** "Acknowledge, drop, refetch": what is usual. Here as the control that must fail. */
export class DropOnAcknowledge implements Strategy {
  #data: readonly string[] | undefined
  entries: (PendingEntry & { patch(ids: readonly string[]): readonly string[] })[] = []

  issue(patch: (ids: readonly string[]) => readonly string[]): PendingEntry {
    const drop = (): void => void (this.entries = this.entries.filter((other) => other !== entry))
    const entry = {
      state: 'sending' as const,
      since: 0,
      patch,
      committed: drop,
      rejected: drop,
      unknown: drop,
    }
    this.entries.push(entry)
    return entry
  }

  answered({ data }: OverlayAnswer<readonly string[]>): void {
    this.#data = data
  }

  view(): { readonly data: readonly string[] } | undefined {
    if (this.#data === undefined) return undefined
    return { data: this.entries.reduce((ids, entry) => entry.patch(ids), this.#data) }
  }
}

export const overlayOf = (positions: 'exact' | 'at-least'): Strategy =>
  new Overlay<readonly string[]>({ positions })

function mulberry(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
