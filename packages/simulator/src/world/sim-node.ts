import { start, type Engine, type Role, type Running } from 'tailrace'
import { isTailraceError, type ReadStore } from 'tailrace/adapter'
import { NoAnswer } from '../kernel/network.ts'
import { Process } from '../kernel/process.ts'
import { processClock } from '../kernel/process-clock.ts'
import type { FaultRates } from '../kernel/faults.ts'
import { SimBus } from '../bus/sim-bus.ts'
import { simWrite } from '../server/write-adapter.ts'
import { simReadStore } from '../stores/read-store.ts'
import type { SampleApp } from './sample-app.ts'
import type { World } from './world.ts'

/** How long a call from outside took inside of the process, and whether the process stood still meanwhile. */
export interface Served<T> {
  readonly value: T
  readonly tookMs: number
  readonly stoodStill: boolean
}

const restartMs = 60

/** One machine of the simulated system: starts the product's own process, kills it, stops it for a while, starts it anew. */
export class SimNode {
  readonly name: string
  readonly roles: readonly Role[]
  app: SampleApp
  running: Running | undefined
  process: Process | undefined
  skewMs = 0
  #stoodStillAt = Number.NEGATIVE_INFINITY
  readonly #world: World

  constructor(world: World, name: string, roles: readonly Role[], app: SampleApp) {
    this.#world = world
    this.name = name
    this.roles = roles
    this.app = app
  }

  get isUp(): boolean {
    return this.running !== undefined
  }

  start(): void {
    const { simulation, database, stores, broker, swarm } = this.#world
    const process = new Process(this.name, this.skewMs)
    this.process = process
    const bound: Record<string, ReadStore> = {}
    const handles = new Map(
      [...stores].map(([name, store]) => [name, simReadStore(store, process)]),
    )
    for (const projection of Object.keys(this.app.projections))
      bound[projection] = handles.get(swarm.projections[projection]!)!
    const { pageSize, ringLoss, tuning, executor } = swarm
    start(this.app.app, {
      write: simWrite({ database, process, pageSize, ringLoss }),
      stores: bound,
      ...(broker === undefined ? {} : { bus: new SimBus(broker, process) }),
      roles: this.roles,
      clock: processClock(simulation.kernel, process, simulation.random()),
      tuning,
      executor,
      onProblem: (where, error) => simulation.say(this.name, () => `${where}: ${String(error)}`),
    }).then(
      (running) => {
        if (!process.alive) return
        this.running = running
        simulation.say(this.name, () => 'started')
      },
      (error: unknown) => {
        simulation.say(this.name, () => `did not start: ${String(error)}`)
        // Servers that are away keep a process from starting; nothing else may.
        if (!(error instanceof NoAnswer) && !isTailraceError(error))
          this.#world.violations.push({
            invariant: 'I24',
            text: `${this.name} did not start: ${String(error)}`,
          })
        this.crash()
        this.startLater(restartMs)
      },
    )
  }

  startLater(ms: number): void {
    this.#world.simulation.kernel.after(ms, 'start', () => {
      if (this.process?.alive !== true) this.start()
    })
  }

  /** As by SIGKILL. */
  crash(): void {
    this.process?.die()
    this.process = undefined
    this.running = undefined
  }

  /** As by SIGTERM; killed when it takes too long. */
  async stop(mostMs: number): Promise<boolean> {
    const { running, process } = this
    if (running === undefined || process === undefined) {
      this.crash()
      return true
    }
    this.running = undefined
    const { kernel } = this.#world.simulation
    const inTime = await Promise.race([
      running.stop().then(() => true),
      kernel.pause(mostMs, 'kill').then(() => false),
    ])
    if (inTime && process.alive && this.#world.broker?.clients.has(process) === true)
      this.#world.violations.push({ invariant: 'I26', text: `${this.name} left its bus open` })
    if (this.process === process) this.crash()
    return inTime
  }

  /** As by SIGSTOP: time goes on without it. */
  standStill(ms: number): void {
    const { kernel } = this.#world.simulation
    if (this.process === undefined) return
    const until = kernel.nowUs + ms * 1_000
    this.process.pausedUntil = Math.max(this.process.pausedUntil, until)
    this.#stoodStillAt = Math.max(this.#stoodStillAt, kernel.nowMs + ms)
  }

  /** Until when its process, or one before it, stands or stood still; what reaches it meanwhile waits. */
  get stillUntilMs(): number {
    return this.#stoodStillAt
  }

  /** As by SIGCONT. */
  goOn(): void {
    const { kernel } = this.#world.simulation
    if (this.process !== undefined) kernel.resume(this.process)
    this.#stoodStillAt = Math.min(this.#stoodStillAt, kernel.nowMs)
  }

  /** A call from a client: over the network, bounded by the client's patience. Rejects with `NoAnswer`. */
  ask<T>(
    rates: FaultRates,
    patienceMs: number,
    body: (engine: Engine) => Promise<T>,
    onServed: (tookMs: number, stoodStill: boolean) => void = () => undefined,
  ): Promise<Served<T>> {
    const { simulation } = this.#world
    const { kernel, faults } = simulation
    return new Promise((resolve, reject) => {
      const random = this.#world.clientRandom
      const lost = (sent: boolean) => (): void => reject(new NoAnswer(this.name, sent))
      const fault = faults.ofCall(rates, true, `client ${this.name}`)
      const patience = kernel.after(patienceMs, 'patience', lost(true))
      kernel.after(random.spread(1), 'request', () => {
        const { process, running } = this
        if (fault === 'refused' || process === undefined || running === undefined) {
          kernel.cancel(patience)
          kernel.after(1, 'refused', lost(false))
          return
        }
        process.onDeath(() => kernel.after(random.spread(1), 'reset', lost(true)))
        const begin = (): void =>
          void this.#serve(kernel.nowMs, running.engine, body, onServed).then(
            (served) => {
              if (fault === 'none' || fault === 'slow') {
                kernel.cancel(patience)
                kernel.after(random.spread(fault === 'slow' ? 100 : 1), 'reply', () =>
                  resolve(served),
                )
              } else lost(true)()
            },
            (error: unknown) => {
              kernel.cancel(patience)
              kernel.after(random.spread(1), 'reply', () =>
                reject(error instanceof Error ? error : new Error(String(error))),
              )
            },
          )
        kernel.after(0, 'serve', begin, process)
      })
    })
  }

  async #serve<T>(
    startedAt: number,
    engine: Engine,
    body: (engine: Engine) => Promise<T>,
    onServed: (tookMs: number, stoodStill: boolean) => void,
  ): Promise<Served<T>> {
    const call = { node: this.name, since: startedAt }
    this.#world.serving.add(call)
    this.process!.onDeath(() => this.#world.serving.delete(call))
    const value = await body(engine).finally(() => this.#world.serving.delete(call))
    const tookMs = this.#world.simulation.kernel.nowMs - startedAt
    const stoodStill = this.#stoodStillAt >= startedAt
    onServed(tookMs, stoodStill)
    return { value, tookMs, stoodStill }
  }
}
