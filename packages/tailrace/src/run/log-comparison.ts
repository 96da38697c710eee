import type { App } from '../declare/app.ts'
import type { AnyProjectionDef } from '../declare/projection.ts'
import { TailraceError } from '../errors.ts'
import { unknownError } from '../log/unknown-error.ts'
import type { Clock } from '../ports/clock.ts'
import type { HandledTypes, LogTypes, RecordedType } from '../ports/log-types.ts'

export interface LogComparisonOptions {
  readonly app: App
  readonly types: LogTypes
  readonly clock: Clock
  /** Told of event types that this code does not know, each once. */
  readonly onProblem: (error: unknown) => void
}

/** Other releases may record new types at any time. */
const lookEveryMs = 30_000

/**
 * Compares an application with its log: with event types that were renamed, removed or set back in this code, with those
 * that newer code records beside it, and with versions of read models that came to handle other events.
 */
export class LogComparison {
  readonly #options: LogComparisonOptions
  readonly #told = new Set<string>()
  readonly #stopping = new AbortController()
  #watching: Promise<void> | undefined

  constructor(options: LogComparisonOptions) {
    this.#options = options
  }

  /** Says what this code does not know, and goes on looking. Throws `PROJECTION_CHANGED`. */
  async begin(): Promise<void> {
    const { app, types } = this.#options
    const recorded = await types.recorded()
    const declared = [...app.projections.values()].map(handledBy)
    checkHandled(declared, await types.handled(declared), recorded)
    this.#tell(recorded)
    this.#watching = this.#watch()
  }

  /** The event types of the log, by name, that this code neither declares nor calls retired. */
  async unknown(): Promise<readonly string[]> {
    return unknownTypes(this.#options.app, await this.#options.types.recorded())
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#watching
  }

  async #watch(): Promise<void> {
    const { clock, types } = this.#options
    for (;;) {
      await clock.sleep(lookEveryMs, this.#stopping.signal)
      if (this.#stopping.signal.aborted) return
      // A database that is away is told of by those who need it.
      const recorded = await types.recorded().catch(() => [])
      this.#tell(recorded)
    }
  }

  #tell(recorded: readonly RecordedType[]): void {
    const { app, onProblem } = this.#options
    const isNew = (text: string): boolean => !this.#told.has(text) && this.#told.add(text) !== null
    const unknown = unknownTypes(app, recorded).filter(isNew)
    const newer = newerTypes(app, recorded).filter(isNew)
    if (unknown.length > 0) onProblem(unknownError(unknown))
    if (newer.length > 0) onProblem(newerError(newer))
  }
}

function newerError(types: readonly string[]): TailraceError {
  return new TailraceError(
    'EVENT_FROM_THE_FUTURE',
    `expected every event of the log to be of the version that this code declares or of an older one, got ${types.join(', ')}; deploy the code that declares it: read models and reactors of this process wait at such an event`,
    { details: { types } },
  )
}

function unknownTypes(app: App, recorded: readonly RecordedType[]): readonly string[] {
  return recorded
    .map(({ type }) => type)
    .filter((type) => !app.events.has(type) && !app.retired.has(type))
}

function newerTypes({ events }: App, recorded: readonly RecordedType[]): readonly string[] {
  return recorded.flatMap(({ type, version }) => {
    const declared = events.get(type)?.schemaVersion ?? version
    return version > declared ? [`version ${version} of "${type}" (declared: ${declared})`] : []
  })
}

function handledBy({ name, version, on }: AnyProjectionDef): HandledTypes {
  return { projection: name, version, types: Object.keys(on).toSorted() }
}

/**
 * Workers of the release before, which run the same version, pass over what they do not handle, and events behind the
 * checkpoint never come again: only a new version gets all of them. A handler without events makes no difference.
 */
function checkHandled(
  declared: readonly HandledTypes[],
  noted: readonly HandledTypes[],
  recorded: readonly RecordedType[],
): void {
  const held = new Set(recorded.map(({ type }) => type))
  for (const { projection, version, types } of declared) {
    const before = noted.find((one) => one.projection === projection && one.version === version)
    const more = types.filter((type) => before?.types.includes(type) === false)
    const less = (before?.types ?? []).filter((type) => !types.includes(type) && held.has(type))
    if (more.length === 0 && less.length === 0) continue
    const difference = [
      ...(more.length === 0 ? [] : [`${quoted(more)} besides`]),
      ...(less.length === 0 ? [] : [`${quoted(less)} no longer`]),
    ].join(' and ')
    throw new TailraceError(
      'PROJECTION_CHANGED',
      `expected version ${version} of projection "${projection}" to handle the events that it began with, got ${difference}; count its version up: this one has passed, or passes in processes of the release before, events that it does not handle`,
      { details: { projection, version, more, less } },
    )
  }
}

function quoted(types: readonly string[]): string {
  return types.map((type) => `"${type}"`).join(', ')
}
