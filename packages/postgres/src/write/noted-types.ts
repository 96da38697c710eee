import type { Clock, EventToAppend } from 'tailrace/adapter'
import type { Run } from './statement-runner.ts'

/** A restore may take away what was noted: it is noted again so often. */
const forgetAfterMs = 60_000

/** Notes event types, each before the first event of it can be read. What is noted already costs nothing. */
export class NotedTypes {
  readonly #schema: string
  readonly #clock: Clock
  /** The version of each type that was noted last. */
  readonly #noted = new Map<string, number>()
  #since: number

  /** `schema` is quoted. */
  constructor(schema: string, clock: Clock) {
    this.#schema = schema
    this.#clock = clock
    this.#since = clock.monotonic()
  }

  /** The events whose types are to be noted. */
  missing(events: readonly EventToAppend[]): readonly EventToAppend[] {
    const now = this.#clock.monotonic()
    if (now - this.#since > forgetAfterMs) {
      this.#noted.clear()
      this.#since = now
    }
    return events.filter(({ type, schemaVersion }) => this.#noted.get(type) !== schemaVersion)
  }

  /** Inside of a transaction it counts once that has committed: say so with `remember`. */
  async write(run: Run, events: readonly EventToAppend[]): Promise<void> {
    await run({
      text: `insert into ${this.#schema}.event_type (type, schema_version)
        select distinct * from unnest($1::text[], $2::smallint[]) on conflict do nothing`,
      values: [events.map(({ type }) => type), events.map(({ schemaVersion }) => schemaVersion)],
    })
  }

  remember(events: readonly EventToAppend[]): void {
    for (const { type, schemaVersion } of events) this.#noted.set(type, schemaVersion)
  }
}
