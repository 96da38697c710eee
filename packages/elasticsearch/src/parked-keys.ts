import {
  TailraceError,
  type ParkEntry,
  type ParkFailure,
  type ParkResolution,
  type ParkedKey,
} from 'tailrace/adapter'
import { hashOfKey } from './key-id.ts'
import type { StateDocument, StateIndex } from './state-index.ts'

/** Exists since the first key was parked: without it there is nothing to search for. */
const parkingId = 'parking'
const kind = 'parked'
const racesMax = 10
const errorMax = 8_000

/** One parked key, in one document: who diverts an event to it and who settles it exclude each other. */
interface ParkedBody {
  /** As JSON, since a key may be no valid Unicode. */
  readonly key: string
  readonly failure: ParkFailure
  readonly sinceMs: number
  /** Distances between the positions, in base 36: a hot key may have very many events waiting. */
  readonly positions: string
}

/** The parked keys of a version. */
export class ParkedKeys {
  readonly #state: StateIndex
  #mayExist = false

  constructor(state: StateIndex) {
    this.#state = state
  }

  async list(keys: readonly string[] | undefined, limit: number): Promise<ParkedKey[]> {
    if (keys !== undefined) {
      const found = await this.#state.get([...new Set(keys)].map(idOf))
      return [...found.values()]
        .map(({ body }) => parkedKey(body as ParkedBody))
        .toSorted(byFirst)
        .slice(0, limit)
    }
    this.#mayExist ||= (await this.#state.get([parkingId])).size > 0
    if (!this.#mayExist) return []
    return (await this.#state.list(kind, limit)).map((body) => parkedKey(body as ParkedBody))
  }

  /** Whether any event after a position and up to another is parked. */
  async anyBetween(after: bigint, through: bigint): Promise<boolean> {
    const all = await this.#state.list(kind, Number.POSITIVE_INFINITY)
    return all.some((body) =>
      unpacked((body as ParkedBody).positions).some((at) => at > after && at <= through),
    )
  }

  async positions(key: string): Promise<readonly bigint[]> {
    const found = (await this.#state.get([idOf(key)])).get(idOf(key))
    return found === undefined ? [] : positionsOf(found)
  }

  /**
   * Parks keys and diverts events to keys that are parked. What is there already stays. Throws `PARKED_KEY_CHANGED` for a
   * follower of a key that is not parked, before anything is written.
   */
  async park(entries: readonly ParkEntry[]): Promise<void> {
    const found = await this.#state.get(entries.map(({ key }) => idOf(key)))
    for (const { key, failure } of entries)
      if (failure === undefined && !found.has(idOf(key)))
        throw changed(key, 'a parked key', 'a free one')
    if (!this.#mayExist) await this.#announce()
    for (const entry of entries) await this.#parkOne(entry, found.get(idOf(entry.key)))
  }

  /** Throws `PARKED_KEY_CHANGED` when other positions are parked than were seen. */
  async check({ key, seen }: Pick<ParkResolution, 'key' | 'seen'>): Promise<StateDocument> {
    const found = (await this.#state.get([idOf(key)])).get(idOf(key))
    const positions = found === undefined ? [] : positionsOf(found)
    if (found !== undefined && positions.join() === seen.join()) return found
    throw changed(key, `events ${seen.join()}`, positions.join() || 'none')
  }

  /** Leaves only what remains, if nothing has changed since `check`. Throws `PARKED_KEY_CHANGED`. */
  async settle({ key, remaining, failure }: ParkResolution, checked: StateDocument): Promise<void> {
    const body = checked.body as ParkedBody
    const done =
      remaining.length === 0
        ? await this.#state.remove(idOf(key), checked)
        : await this.#write(
            key,
            { ...body, failure: failureOf(failure ?? body.failure) },
            remaining,
            checked,
          )
    if (!done) throw changed(key, 'the events seen', 'others meanwhile')
  }

  /** Before the first parked key: who finds no announcement need not search. */
  async #announce(): Promise<void> {
    await this.#state.put(parkingId, { kind: parkingId, body: {} }, undefined)
    this.#mayExist = true
  }

  async #parkOne(
    { key, positions, failure }: ParkEntry,
    seen: StateDocument | undefined,
  ): Promise<void> {
    let found = seen
    for (let race = 0; race < racesMax; race++) {
      const known = found?.body as ParkedBody | undefined
      const why = failure ?? known?.failure
      if (why === undefined) throw changed(key, 'a parked key', 'a free one')
      const before = found === undefined ? [] : positionsOf(found)
      const all = [...new Set([...before, ...positions])].toSorted((a, b) => (a < b ? -1 : 1))
      const same = all.length === before.length && failure === undefined
      const body = {
        key: JSON.stringify(key),
        failure: failureOf(why),
        sinceMs: known?.sinceMs ?? Date.now(),
      }
      if (same || (await this.#write(key, body, all, found))) return
      found = (await this.#state.get([idOf(key)])).get(idOf(key))
    }
    throw changed(key, 'to park events', 'others changing the key each time')
  }

  async #write(
    key: string,
    body: Omit<ParkedBody, 'positions'>,
    positions: readonly bigint[],
    seen: StateDocument | undefined,
  ): Promise<boolean> {
    const source = {
      kind,
      first: String(positions[0] ?? 0n),
      body: { ...body, positions: packed(positions) } satisfies ParkedBody,
    }
    return (await this.#state.put(idOf(key), source, seen)) !== undefined
  }
}

function idOf(key: string): string {
  return `parked-${hashOfKey(key)}`
}

function parkedKey(body: ParkedBody): ParkedKey {
  const positions = unpacked(body.positions)
  return {
    key: JSON.parse(body.key) as string,
    firstPosition: positions[0] ?? 0n,
    events: positions.length,
    failure: body.failure,
    sinceMs: body.sinceMs,
  }
}

function byFirst(a: ParkedKey, b: ParkedKey): number {
  return a.firstPosition < b.firstPosition ? -1 : 1
}

function positionsOf({ body }: StateDocument): bigint[] {
  return unpacked((body as ParkedBody).positions)
}

function packed(positions: readonly bigint[]): string {
  return positions.map((at, i) => (at - (positions[i - 1] ?? 0n)).toString(36)).join(' ')
}

function unpacked(text: string): bigint[] {
  let at = 0n
  return text.split(' ').map((part) => (at += fromBase36(part)))
}

function fromBase36(text: string): bigint {
  let value = 0n
  for (const digit of text) value = value * 36n + BigInt(Number.parseInt(digit, 36))
  return value
}

function failureOf(failure: ParkFailure): ParkFailure {
  return { ...failure, error: failure.error.toWellFormed().slice(0, errorMax) }
}

function changed(key: string, expected: string, found: string): TailraceError {
  return new TailraceError(
    'PARKED_KEY_CHANGED',
    `expected ${expected} under key ${JSON.stringify(key)}, got ${found}; look again and repeat`,
    { retryable: true },
  )
}
