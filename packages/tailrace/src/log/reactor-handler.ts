import { systemActor } from '../declare/actor.ts'
import type { CommandCall } from '../declare/command.ts'
import type { Envelope } from '../declare/envelope.ts'
import type { AnyEventDef } from '../declare/event.ts'
import type { ReactorArgs, ReactorDef } from '../declare/reactor.ts'
import { TailraceError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { RecordedEvent } from '../ports/event-log.ts'
import type { ReactorEntry } from '../ports/timers.ts'
import { envelopeOf } from '../project/compiled-projection.ts'
import type { Engine } from '../run/engine.ts'

export interface ReactorRetry {
  /** After so many attempts an event is recorded as failed, and later ones go on. Default: 30, ten minutes. */
  readonly attempts: number
  /** First and longest pause between attempts; it doubles. Default: 200 ms and 30,000 ms. */
  readonly retryMinMs: number
  readonly retryMaxMs: number
  /** An attempt that takes longer is aborted and counts as failed. Default: 30,000 ms. */
  readonly timeoutMs: number
}

export type Handled = ReactorEntry | { readonly outcome: 'aborted' }

/** An attempt has failed, and there will be another. */
export type OnFailedAttempt = (event: RecordedEvent, attempt: number, error: string) => void

type Handler = (event: Envelope, args: ReactorArgs) => Promise<void>

/** Runs one reactor's handler for one event: attempts with growing pauses. Aborted: nothing is known, it comes again. */
export class ReactorHandler {
  /** Event types that have a handler: the only ones worth reading. */
  readonly types: readonly string[]
  private readonly reactor: ReactorDef
  private readonly defs: ReadonlyMap<string, AnyEventDef>
  private readonly submit: Engine['command']
  private readonly clock: Clock
  private readonly retry: ReactorRetry

  constructor(reactor: ReactorDef, submit: Engine['command'], clock: Clock, retry: ReactorRetry) {
    this.reactor = reactor
    this.types = Object.keys(reactor.on)
    this.defs = new Map(reactor.from.map((def) => [def.type as string, def]))
    this.submit = submit
    this.clock = clock
    this.retry = retry
  }

  /** Throws `EVENT_FROM_THE_FUTURE`: such an event is for newer code, and waits for it. */
  async handle(
    event: RecordedEvent,
    signal: AbortSignal,
    onFailedAttempt: OnFailedAttempt,
  ): Promise<Handled> {
    const { attempts, retryMinMs, retryMaxMs } = this.retry
    const envelope = envelopeOf(event, this.defs.get(event.type))
    let error = ''
    for (let attempt = 1; attempt <= attempts; attempt++) {
      if (signal.aborted) return { outcome: 'aborted' }
      try {
        return { outcome: 'done', commandIds: await this.attempt(envelope, signal) }
      } catch (thrown) {
        error = thrown instanceof Error ? thrown.message : String(thrown)
      }
      const most = Math.min(retryMaxMs, retryMinMs * 2 ** (attempt - 1))
      if (attempt === attempts) break
      onFailedAttempt(event, attempt, error)
      await this.clock.sleep(most * (0.75 + this.clock.random() / 4), signal)
    }
    return signal.aborted ? { outcome: 'aborted' } : { outcome: 'failed', error }
  }

  /** The commands that were sent and decided. */
  private async attempt(envelope: Envelope, outer: AbortSignal): Promise<readonly string[]> {
    const commandIds: string[] = []
    const own = new AbortController()
    const abort = (): void => own.abort()
    outer.addEventListener('abort', abort, { once: true })
    const args: ReactorArgs = {
      signal: own.signal,
      send: async (call, n) => void commandIds.push(await this.send(envelope, call, n ?? 0)),
    }
    const handler = this.reactor.on[envelope.type] as Handler
    try {
      const tooLong = this.clock.sleep(this.retry.timeoutMs, own.signal).then(() => {
        throw new Error(
          `expected the handler to be done within ${this.retry.timeoutMs} ms, got ${own.signal.aborted ? 'an abort' : 'nothing'}`,
        )
      })
      // A handler may also throw before it returns its promise.
      const work = (async () => handler(envelope, args))()
      await Promise.race([work, tooLong])
      return commandIds
    } finally {
      outer.removeEventListener('abort', abort)
      own.abort()
    }
  }

  /** A recorded decision is success, also a rejection: the reactor's part is done. */
  private async send(event: Envelope, call: CommandCall, n: number): Promise<string> {
    const outcome = await this.submit(call.command, call.input, {
      actor: systemActor,
      idempotencyKey: reactorKey(this.reactor.name, event.id, call.command, n),
      causationId: event.id,
      traceparent: event.traceparent,
    })
    if (outcome.kind === 'refused') {
      throw new TailraceError(
        'COMMAND_FAILED',
        `expected command "${call.command}" of reactor "${this.reactor.name}" to be decided, got ${outcome.code}: ${outcome.message}`,
      )
    }
    return outcome.commandId
  }
}

/** Visible ASCII, at most 255 characters. */
export function reactorKey(reactor: string, eventId: string, command: string, n: number): string {
  const key = `reactor/${encodeURIComponent(reactor)}/${eventId}/${encodeURIComponent(command)}/${n}`
  if (key.length <= 255) return key
  throw new TailraceError(
    'CONFIG',
    `expected reactor and command names short enough for a key of 255 characters, got ${key.length}; shorten "${reactor}" or "${command}"`,
  )
}
