import { TailraceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { EventLog, RecordedEvent } from '../ports/event-log.ts'
import type { EventToRepeat } from '../ports/given-up.ts'
import type { Lease } from '../ports/leases.ts'
import type { ReactorLedger } from '../ports/timers.ts'
import { eventId } from '../project/compiled-projection.ts'
import type { OnFailedAttempt, ReactorHandler } from './reactor-handler.ts'

export interface ReactorRangeSettings {
  /** Events read at once. Default: 200. */
  readonly pageSize: number
  /** Streams handled at the same time; within a stream, events are handled in order. Default: 16. */
  readonly streams: number
  /** Pauses while there is nothing to do: first and longest. Default: 5 ms and 500 ms. */
  readonly pollMinMs: number
  readonly pollMaxMs: number
  /** How often a checkpoint moves on when no event concerned the reactor. Default: 1,000 ms. */
  readonly idleCheckpointMs: number
}

export interface ReactorRangeOptions {
  readonly reactor: string
  readonly lease: Lease
  readonly log: EventLog
  readonly ledger: ReactorLedger
  readonly handler: ReactorHandler
  readonly clock: Clock
  readonly settings: ReactorRangeSettings
  /** Aborted when the lease is lost or the process stops. */
  readonly signal: AbortSignal
  /** Replaced at each pause; aborting it ends the pause. */
  readonly pausing: (pause: AbortController) => void
  /** A page of the log was handled, also one without events. */
  readonly onPage: () => void
  /** An attempt has failed, and there will be another. */
  readonly onFailedAttempt: OnFailedAttempt
  readonly onHandled: (outcome: 'done' | 'failed', event: RecordedEvent, error?: string) => void
}

/**
 * Works one leased range of one reactor until the signal. Throws `PROJECTION_FENCED`, what the database throws, and
 * `LOG_EPOCH_CHANGED` when the database went back in time: what was handled since may have to be handled again.
 */
export async function runReactorRange(options: ReactorRangeOptions): Promise<void> {
  const { reactor, lease, log, ledger, handler, clock, settings, signal } = options
  const { range, fence } = lease
  let position = await ledger.checkpoint(reactor, lease.range)
  let saved = position
  let savedAtMs = clock.monotonic()
  let idle = 0
  while (!signal.aborted) {
    const page = await log.read({
      after: position,
      slots: [lease.slots],
      limit: settings.pageSize,
      types: handler.types,
    })
    if (page.events.length > 0 && !(await handlePage(page.events, options))) return
    options.onPage()
    const moved = page.through > position
    position = page.through
    const due = page.events.length > 0 || clock.monotonic() - savedAtMs >= settings.idleCheckpointMs
    if (position > saved && due) {
      const handled = page.events.map(eventId)
      await ledger.advance(reactor, range, { fence, from: saved, to: position, handled })
      saved = position
      savedAtMs = clock.monotonic()
    }
    idle = moved ? 0 : idle + 1
    if (!moved)
      await pause(
        options,
        Math.min(settings.pollMaxMs, settings.pollMinMs * 2 ** Math.min(idle - 1, 20)),
      )
  }
}

export interface HandleOptions extends Omit<ReactorRangeOptions, 'pausing' | 'onPage'> {
  /** Of events that were given up and asked for again: which asking it is. */
  readonly repeats?: ReadonlyMap<string, number>
}

/**
 * Handles events again that were given up, with as many attempts as before; beside the range's work, of which they have
 * long been passed. What is not noted when it ends is still to be repeated.
 */
export async function repeatEvents(
  due: readonly EventToRepeat[],
  options: Omit<HandleOptions, 'repeats'>,
): Promise<void> {
  const repeats = new Map(due.map(({ eventId: id, repeat }) => [id, repeat]))
  const events = await options.log.readAt(due.map(({ position }) => position))
  await handleStreams(
    events.filter((event) => repeats.has(eventId(event))),
    { ...options, repeats },
  )
}

/** A restore may be so recent that the log has no new epoch yet: what was sent and is not recorded tells of it at once. */
function wentBack(reactor: string): TailraceError {
  return new TailraceError(
    'LOG_EPOCH_CHANGED',
    `expected the commands that reactor "${reactor}" has just sent to be recorded, got a database without them; it starts again from its ledger`,
    { retryable: true },
  )
}

async function pause({ clock, signal, pausing }: ReactorRangeOptions, ms: number): Promise<void> {
  const own = new AbortController()
  const stop = (): void => own.abort()
  signal.addEventListener('abort', stop, { once: true })
  pausing(own)
  if (!signal.aborted) await clock.sleep(ms, own.signal)
  signal.removeEventListener('abort', stop)
}

/** False when it was aborted on the way: what was not recorded comes again. */
async function handlePage(
  events: readonly RecordedEvent[],
  options: ReactorRangeOptions,
): Promise<boolean> {
  const handled = await options.ledger.handled(options.reactor, events.map(eventId))
  return handleStreams(
    events.filter((event) => !handled.has(eventId(event))),
    options,
  )
}

/** Several streams at a time, the events of each in their order. */
async function handleStreams(
  events: readonly RecordedEvent[],
  options: HandleOptions,
): Promise<boolean> {
  const streams = [...Map.groupBy(events, (event) => `${event.aggregate}/${event.stream}`).values()]
  let next = 0
  const lane = async (): Promise<boolean> => {
    while (next < streams.length) if (!(await handleStream(streams[next++]!, options))) return false
    return true
  }
  const lanes = await Promise.all(
    Array.from({ length: Math.min(options.settings.streams, streams.length) }, lane),
  )
  return lanes.every(Boolean)
}

async function handleStream(
  events: readonly RecordedEvent[],
  options: HandleOptions,
): Promise<boolean> {
  const { reactor, ledger, handler, signal, onFailedAttempt, onHandled, repeats } = options
  for (const event of events) {
    const result = await handler.handle(event, signal, onFailedAttempt)
    if (result.outcome === 'aborted') return false
    const repeat = repeats?.get(eventId(event))
    const entry = { commandIds: [event.commandId], ...result, repeat }
    if (!(await ledger.record(reactor, eventId(event), entry))) throw wentBack(reactor)
    onHandled(result.outcome, event, result.outcome === 'failed' ? result.error : undefined)
  }
  return true
}
