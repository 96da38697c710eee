import type { App, CommandSet, QuerySet } from '../declare/app.ts'
import { systemActor } from '../declare/actor.ts'
import { checkOptions, type OptionsOf } from '../declare/check-declaration.ts'
import type { BusReport } from '../bus/bus-report.ts'
import { startRelay, type Relay } from '../bus/relay.ts'
import { beginReactors, startReactors, type ReactorRunner } from '../log/reactor-runner.ts'
import { startSequencer, type Sequencer } from '../log/sequencer-loop.ts'
import { startTimerRole, type TimerRole } from '../log/timer-role.ts'
import type { Bus } from '../ports/bus.ts'
import type { Clock } from '../ports/clock.ts'
import type { LogIdentity } from '../ports/event-log.ts'
import type { ReadStore } from '../ports/read-store.ts'
import type { OpenWriteSide, WriteAdapter } from '../ports/write-store.ts'
import { nearest, TailraceError } from '../errors.ts'
import { startProjectionWorker, type ProjectionWorker } from '../project/projection-worker.ts'
import { historyText } from '../project/inspect-version.ts'
import { effectCounts } from '../read/effect-metrics.ts'
import { EffectsWatch } from '../read/effects-watch.ts'
import type { Metric } from '../read/metrics.ts'
import { openReadPath, type ReadPath } from '../read/read-path.ts'
import { createExecutor, type Executor, type ExecutorOptions } from '../write/executor.ts'
import { announceCommits } from './announce-commits.ts'
import { CallMetrics } from './call-metrics.ts'
import { changedReactors } from './changed-reactors.ts'
import type { Engine } from './engine.ts'
import { LogComparison } from './log-comparison.ts'
import { findLostEnd, lostEndError } from './lost-end.ts'
import { problemText, whereOf } from './problem-text.ts'
import { Readiness } from './readiness.ts'
import { allRoles, checkRoles, type Role } from './roles.ts'
import { checkReadModels, storesOf, type BoundProjection } from './stores-of.ts'
import { systemClock } from './system-clock.ts'
import type { Tuning } from './tuning.ts'

/** Something that makes an engine reachable, such as HTTP. */
export interface SurfaceAdapter {
  start(engine: Engine): Promise<{ readonly url: string; close(): Promise<void> }>
}

export interface StartOptions {
  readonly write: WriteAdapter
  /** A store per projection, by the projection's name. One store may serve several. */
  readonly stores: Readonly<Record<string, ReadStore>>
  /**
   * Carries events from the log to the workers, and to whoever else reads it. Default: the log itself, which needs nothing
   * besides. It is closed with the process.
   */
  readonly bus?: Bus
  /** Default: none; the engine is then used in process. */
  readonly http?: SurfaceAdapter
  /** Default: all of them. */
  readonly roles?: readonly Role[]
  readonly executor?: ExecutorOptions
  /** Bounds and pauses of the other parts. */
  readonly tuning?: Tuning
  /**
   * Whether to tell other processes of commits and positions at once, with a notification outside of the command's
   * transaction. Without it they find out by looking, within 50 ms or so. Default: when this process lacks a role that others have.
   */
  readonly doorbell?: boolean
  /**
   * Told of what goes wrong beside commands and queries, and of commands that failed, for logs. `where` names the part, and
   * of a command its name, id, aggregate and trace. Default: lines on stderr, with the stack.
   */
  readonly onProblem?: (where: string, error: unknown) => void
  /** Default: the real one. */
  readonly clock?: Clock
}

const optionNames: OptionsOf<StartOptions> = {
  write: 'required',
  stores: 'required',
  bus: 'optional',
  http: 'optional',
  roles: 'optional',
  executor: 'optional',
  tuning: 'optional',
  doorbell: 'optional',
  onProblem: 'optional',
  clock: 'optional',
}

export interface Running {
  readonly engine: Engine
  /** Where the surface listens; undefined without one. */
  readonly url: string | undefined
  /**
   * Stops in the order of the flow: no new requests, commands under way are answered, read models get what is there,
   * leases are given up. Closes the write side; the stores given in `stores` too. May be called twice.
   */
  stop(): Promise<void>
}

/** Starts an application in this process. Throws before anything runs when declarations, servers and stores do not fit. */
export async function start<C extends CommandSet, Q extends QuerySet>(
  app: App<C, Q>,
  options: StartOptions,
): Promise<Running> {
  checkOptions('CONFIG', 'start(app, { … })', options, optionNames)
  const roles = checkRoles(options.roles ?? allRoles)
  const bound = storesOf(app as App, options.stores)
  const clock = options.clock ?? systemClock()
  const write = await options.write.open(app as App, { clock })
  const running = new RunningProcess(app as App, write, bound, { ...options, clock, roles })
  try {
    await running.open()
    return running
  } catch (error) {
    await running.stop()
    throw error
  }
}

interface ProcessOptions extends Omit<StartOptions, 'clock' | 'roles'> {
  readonly clock: Clock
  readonly roles: ReadonlySet<Role>
}

class RunningProcess implements Running {
  engine!: Engine
  url: string | undefined
  readonly #app: App
  readonly #write: OpenWriteSide
  readonly #bound: readonly BoundProjection[]
  readonly #options: ProcessOptions
  readonly #problem: (where: string, error: unknown) => void
  #sequencer: Sequencer | undefined
  #relay: Relay | undefined
  #worker: ProjectionWorker | undefined
  #executor: Executor | undefined
  #reactors: ReactorRunner | undefined
  #timers: TimerRole | undefined
  #read: ReadPath | undefined
  #surface: { close(): Promise<void> } | undefined
  #comparison: LogComparison | undefined
  #silence: (() => void) | undefined
  #stopped: Promise<void> | undefined

  constructor(
    app: App,
    write: OpenWriteSide,
    bound: readonly BoundProjection[],
    options: ProcessOptions,
  ) {
    this.#app = app
    this.#write = write
    this.#bound = bound
    this.#options = options
    this.#problem =
      options.onProblem ?? ((where, error) => process.stderr.write(problemText(where, error)))
  }

  async open(): Promise<void> {
    const { roles, clock } = this.#options
    const { log, leases, givenUp, timers } = this.#write
    await checkReadModels(this.#bound, historyText(log.identity))
    await this.#compare()
    if (roles.has('worker')) await this.#noteLostEnd()
    if (roles.has('sequencer')) this.#openSequencer()
    this.#read = await openReadPath({
      app: this.#app,
      stores: this.#options.stores,
      log,
      leases,
      clock,
      workers: () => this.#worker?.status() ?? [],
      bus: () => this.#busReport(),
      effects: new EffectsWatch({ app: this.#app, log, givenUp, timers, clock }),
      ...this.#options.tuning?.read,
    })
    if (roles.has('relay')) this.#openRelay()
    if (roles.has('worker')) this.#openWorker()
    this.#executor = createExecutor({
      app: this.#app,
      store: announceCommits(this.#write.store, () => this.#committed()),
      clock,
      identity: () => this.#identity(),
      options: {
        onFailure: (error, command) => this.#problem(whereOf(command), error),
        ...this.#options.executor,
      },
    })
    this.engine = this.#makeEngine(this.#executor, this.#read)
    if (roles.has('worker')) await this.#openReactors()
    if (roles.has('timer')) await this.#openTimers()
    if (this.#rings()) this.#silence = this.#write.onDoorbell(() => this.#rung())
    if (this.#options.http !== undefined) {
      const surface = await this.#options.http.start(this.engine)
      this.#surface = surface
      this.url = surface.url
    }
  }

  async #compare(): Promise<void> {
    const { types } = this.#write
    if (types === undefined) return
    const { clock } = this.#options
    const onProblem = (error: unknown): void => this.#problem('log', error)
    this.#comparison = new LogComparison({ app: this.#app, types, clock, onProblem })
    await this.#comparison.begin()
    for (const changed of await changedReactors(this.#app.reactors, types, this.#write.leases))
      onProblem(changed)
  }

  /** Before anything is written: the positions that were lost must not be given to other events. */
  async #noteLostEnd(): Promise<void> {
    if (this.#write.startHistory === undefined) return
    const lost = await findLostEnd(this.#bound, this.#write.log, this.#options.clock)
    if (lost === undefined) return
    this.#problem('log', lostEndError(lost))
    await this.#write.startHistory(lost.passed)
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    this.#silence?.()
    await this.#surface?.close()
    await this.#comparison?.stop()
    await Promise.all([this.#timers?.stop(), this.#reactors?.stop()])
    await this.#executor?.close()
    await this.#sequencer?.stop()
    await this.#relay?.stop()
    await this.#worker?.stop()
    await this.#options.bus?.close()
    await this.#read?.close()
    await this.#write.close()
    await Promise.all(this.#stores().map((store) => store.close()))
  }

  #openSequencer(): void {
    const { clock } = this.#options
    this.#sequencer = startSequencer({
      store: this.#write.sequencer,
      clock,
      onProblem: (error) => this.#problem('sequencer', error),
      ...this.#options.tuning?.sequencer,
    })
    this.#sequencer.onAdvance(() => this.#advanced())
  }

  #openRelay(): void {
    const { bus, clock } = this.#options
    if (bus === undefined) return
    const { log, leases } = this.#write
    const onProblem = (error: unknown): void => this.#problem('relay', error)
    const settings = this.#options.tuning?.relay ?? {}
    this.#relay = startRelay({ bus, log, leases, clock, onProblem, settings })
  }

  #busReport(): BusReport | undefined {
    const { bus } = this.#options
    if (bus === undefined) return undefined
    return { name: bus.name, relay: this.#relay?.status(), source: this.#worker?.busStatus() }
  }

  #openWorker(): void {
    this.#worker = startProjectionWorker({
      projections: this.#bound,
      log: this.#write.log,
      leases: this.#write.leases,
      clock: this.#options.clock,
      bus: this.#options.bus,
      unknownTypes: async () => (await this.#comparison?.unknown()) ?? [],
      onApplied: (projection, version, moves, recordedAt) =>
        this.#read?.applied(projection, version, moves, recordedAt),
      onProblem: (projection, error) => this.#problem(`projection ${projection}`, error),
      ...this.#options.tuning?.worker,
    })
  }

  async #openReactors(): Promise<void> {
    const { reactors } = this.#app
    if (reactors.length === 0) return
    const { log, leases, reactorLedger: ledger, givenUp } = this.#write
    const settings = this.#options.tuning?.reactors ?? {}
    // Commands that come after the start have their effects, also of a reactor that has never run.
    await beginReactors({ reactors, ledger, ...settings })
    this.#reactors = startReactors({
      reactors,
      log,
      leases,
      ledger,
      givenUp,
      clock: this.#options.clock,
      submit: (name, input, call) =>
        this.engine.command(name, input, { actor: systemActor, ...call }),
      onProblem: (error, reactor) => this.#problem(`reactor ${reactor ?? ''}`.trim(), error),
      settings,
    })
  }

  /** A schedule that was removed may have left timers, also the last one. */
  async #openTimers(): Promise<void> {
    const { timers } = this.#write
    if (this.#app.schedules.length === 0 && (await timers.nextInMs()) === undefined) return
    this.#timers = startTimerRole({
      timers,
      submit: (name, input, call) => this.engine.command(name, input, call),
      clock: this.#options.clock,
      commands: Object.keys(this.#app.commands),
      onProblem: (error) => this.#problem('timer', error),
      settings: this.#options.tuning?.timers ?? {},
    })
  }

  /** Of this process or another: the token names the history in which the command committed. */
  #identity(): LogIdentity {
    return this.#sequencer?.status().identity ?? this.#write.log.identity
  }

  /** Others need to be told only where the flow leaves this process. */
  #rings(): boolean {
    return this.#options.doorbell ?? this.#options.roles.size < allRoles.length
  }

  #committed(): void {
    if (this.#sequencer?.status().state === 'active') this.#sequencer.wake()
    else if (this.#rings()) this.#write.ringDoorbell()
  }

  #advanced(): void {
    this.#relay?.wake()
    this.#worker?.wake()
    this.#reactors?.wake()
    if (this.#rings()) this.#write.ringDoorbell()
  }

  #rung(): void {
    this.#sequencer?.wake()
    this.#relay?.wake()
    this.#worker?.wake()
    this.#reactors?.wake()
  }

  #effectCounts(): Metric[] {
    return effectCounts(this.#reactors?.counts(), this.#timers?.status())
  }

  #stores(): ReadStore[] {
    return [...new Set(this.#bound.map(({ store }) => store))]
  }

  #makeEngine(executor: Executor, read: ReadPath): Engine {
    const calls = new CallMetrics(this.#app, this.#options.clock)
    const readiness = new Readiness(this.#options.clock, [
      { name: 'the write database', ping: () => this.#write.ping() },
      ...this.#stores().map((store) => ({
        name: `read store "${store.name}"`,
        ping: () => store.ping(),
      })),
    ])
    return {
      app: this.#app,
      command: (name, input, options) => calls.command(name, executor.submit(name, input, options)),
      commandStatus: async (commandId) => {
        const known = await executor.status(commandId)
        return known === undefined ? undefined : read.commandStatus(known)
      },
      query: (name, input, options) => calls.query(name, read.query(name, input, options)),
      status: (how) => read.status(how),
      metrics: () => read.metricsText([...calls.snapshot(), ...this.#effectCounts()]),
      onAdvance: (listener) => read.onAdvance(listener),
      ready: () => readiness.check(),
      setPaused: (projection, paused) => this.#write.leases.setPaused(projection, paused),
      repeatGivenUp: async (reactor, eventIds) =>
        this.#write.givenUp.repeat(reactorOf(this.#app, reactor), eventIds),
      skipGivenUp: async (reactor, eventIds) =>
        this.#write.givenUp.skip(reactorOf(this.#app, reactor), eventIds),
    }
  }
}

function reactorOf(app: App, name: string): string {
  const names = app.reactors.map((reactor) => reactor.name)
  if (names.includes(name)) return name
  throw new TailraceError(
    'REACTOR_UNKNOWN',
    `expected a reactor of the app, ${names.join(', ') || 'which has none'}, got "${name}"${nearest(name, names)}`,
  )
}
