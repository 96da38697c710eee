import type { App } from '../declare/app.ts'
import type { Clock } from '../ports/clock.ts'
import { Histogram } from '../read/histogram.ts'
import type { Metric } from '../read/metrics.ts'
import type { CommandOutcome, QueryOutcome } from './engine.ts'

const commandResults = ['committed', 'replayed', 'rejected', 'refused', 'failed'] as const
const queryResults = ['answered', 'stale', 'refused', 'failed'] as const

type Counts<R extends string> = Record<R, number>

/** One declared query: its handlers are made once, so that a call costs no more than an increment. */
interface QueryCounter {
  readonly counts: Counts<(typeof queryResults)[number]>
  readonly settled: (outcome: QueryOutcome) => void
  readonly failed: () => void
}

/**
 * Counts the calls of an engine by name and result. Constant memory: names that are not declared are not counted. Watches
 * the promises of the calls from beside, so no call waits for it.
 */
export class CallMetrics {
  readonly #clock: Clock
  readonly #commands: ReadonlyMap<
    string,
    {
      readonly counts: Counts<(typeof commandResults)[number]>
      readonly duration: Histogram
    }
  >
  readonly #queries: ReadonlyMap<string, QueryCounter>

  constructor(app: App, clock: Clock) {
    this.#clock = clock
    this.#commands = new Map(
      Object.keys(app.commands).map((name) => [
        name,
        { counts: zeros(commandResults), duration: new Histogram() },
      ]),
    )
    this.#queries = new Map(Object.keys(app.queries).map((name) => [name, queryCounter()]))
  }

  command(name: string, call: Promise<CommandOutcome>): Promise<CommandOutcome> {
    const counted = this.#commands.get(name)
    if (counted === undefined) return call
    const { counts, duration } = counted
    const began = this.#clock.monotonic()
    const ended = (result: keyof typeof counts): void => {
      counts[result]++
      duration.observe((this.#clock.monotonic() - began) / 1_000)
    }
    call.then(
      (outcome) => ended(resultOf(outcome)),
      () => ended('failed'),
    )
    return call
  }

  query(name: string, call: Promise<QueryOutcome>): Promise<QueryOutcome> {
    const counter = this.#queries.get(name)
    call.then(counter?.settled, counter?.failed ?? ignored)
    return call
  }

  snapshot(): Metric[] {
    const commands = [...this.#commands]
    return [
      ...commands.flatMap(([command, { counts }]) =>
        Object.entries(counts).map(([result, value]): Metric => ({
          name: 'cqrs_commands_total',
          labels: { command, result },
          value,
        })),
      ),
      ...commands.map(([command, { duration }]): Metric => ({
        name: 'cqrs_command_duration_seconds',
        labels: { command },
        histogram: duration.value(),
      })),
      ...[...this.#queries].flatMap(([query, { counts }]) =>
        Object.entries(counts).map(([result, value]): Metric => ({
          name: 'cqrs_queries_total',
          labels: { query, result },
          value,
        })),
      ),
    ]
  }
}

function ignored(): void {}

function zeros<R extends string>(results: readonly R[]): Counts<R> {
  return Object.fromEntries(results.map((result) => [result, 0])) as Counts<R>
}

function resultOf(outcome: CommandOutcome): (typeof commandResults)[number] {
  if (outcome.kind === 'refused') return outcome.code === 'COMMAND_FAILED' ? 'failed' : 'refused'
  return outcome.replayed ? 'replayed' : outcome.kind
}

function queryCounter(): QueryCounter {
  const counts = zeros(queryResults)
  return {
    counts,
    settled(outcome) {
      if (outcome.kind === 'refused') counts.refused++
      else if (outcome.meta.stale) counts.stale++
      else counts.answered++
    },
    failed: () => void counts.failed++,
  }
}
