import { noFaults } from '../../packages/simulator/src/kernel/faults.ts'
import { Server } from '../../packages/simulator/src/kernel/network.ts'
import { Process } from '../../packages/simulator/src/kernel/process.ts'
import { Simulation } from '../../packages/simulator/src/kernel/simulation.ts'
import { Database } from '../../packages/simulator/src/server/database.ts'
import type { Transaction } from '../../packages/simulator/src/server/transaction.ts'
import { simWrite } from '../../packages/simulator/src/server/write-adapter.ts'
import type { OpenWriteSide } from 'tailrace/adapter'
import { systemClock } from '../../packages/tailrace/src/run/system-clock.ts'
import { boxesApp } from './boxes-app.ts'
import { timerPlace, withTimerIds, type Step, type TimerIds } from './history.ts'
import { logText, type Seen } from './seen.ts'
import { SequencerDriver } from './sequencer-driver.ts'
import { Session } from './session.ts'

interface Client {
  readonly session: Session
  readonly process: Process
}

/** The simulated write database and its sessions, without chance and without faults. */
export class SimulatedSide {
  readonly database: Database
  /** Set when two sessions could go on at once, so that what comes next is open. */
  raced = false
  readonly #simulation = new Simulation({ seed: 1 })
  readonly #clients = new Map<string, Client>()
  readonly #owners = new Map<Transaction, string>()
  readonly #steps = new Map<string, Step>()
  #sequencer: SequencerDriver | undefined
  #outcomes: string[] = []
  #stepping = ''

  private constructor() {
    const server = new Server('database', noFaults, 0, 1e9)
    const tuning = { commitMs: 0, stumble: 0, stalledAfterMs: 1e9 }
    this.database = new Database(this.#simulation, server, tuning, 0)
    const begin = this.database.begin.bind(this.database)
    this.database.begin = (isolation) => {
      const transaction = begin(isolation)
      this.#owners.set(transaction, this.#stepping)
      return transaction
    }
    this.#watchReleases()
  }

  /** `prepare` may change the database, to be found out. */
  static async open(
    sessions: readonly string[],
    prepare: (database: Database) => void = () => undefined,
  ): Promise<SimulatedSide> {
    const side = new SimulatedSide()
    prepare(side.database)
    for (const name of sessions) {
      const process = new Process(name)
      const { store } = await side.#write(process)
      side.#clients.set(name, { process, session: new Session(name, store) })
    }
    const { sequencer } = await side.#write(new Process('sequencer'))
    side.#sequencer = await side.#until(SequencerDriver.open(sequencer))
    return side
  }

  async take(step: Step): Promise<Seen> {
    this.#outcomes = []
    this.#stepping = step.by
    this.#steps.set(step.by, step)
    const told = (outcome: string): void => void this.#outcomes.push(outcome)
    if (step.does === 'step') this.#sequencer!.start(step, told)
    else this.#ofSession(withTimerIds(step, this.#timerIds()), told)
    await this.#rest()
    this.#noteRaces()
    return this.#look()
  }

  /** The session's transaction, when it has one. */
  transactionOf(name: string): Transaction | undefined {
    for (const [transaction, owner] of this.#owners)
      if (owner === name && transaction.state === 'open') return transaction
    return undefined
  }

  session(name: string): Session {
    return this.#clients.get(name)!.session
  }

  #ofSession(step: Step, told: (outcome: string) => void): void {
    const { session, process } = this.#clients.get(step.by)!
    if (step.does === 'terminate') {
      const transaction = this.transactionOf(step.by)
      if (transaction !== undefined) this.database.rollback(transaction)
    } else if (step.does === 'vanish') {
      session.vanished = true
      process.die()
    } else session.start(step, told)
  }

  #timerIds(): TimerIds {
    const timers = [...this.database.state.timers.values()]
    return new Map(
      timers.map(({ stream, input, id }) => [timerPlace(stream, String(input)), id] as const),
    )
  }

  async #write(process: Process): Promise<OpenWriteSide> {
    const { database } = this
    const write = simWrite({ database, process, pageSize: 100, ringLoss: 1 })
    return this.#until(write.open(boxesApp, { clock: systemClock() }))
  }

  async #until<T>(promise: Promise<T>): Promise<T> {
    await this.#rest()
    return promise
  }

  async #rest(): Promise<void> {
    const { kernel } = this.#simulation
    for (let before = -1; before !== kernel.steps;) {
      before = kernel.steps
      await kernel.run(() => false, Number.MAX_SAFE_INTEGER, 1e6)
    }
  }

  #watchReleases(): void {
    const { locks } = this.database
    const release = locks.release.bind(locks)
    locks.release = (holder, keys) => {
      const awaited = keys.filter((key) => locks.waiting(key).length > 0)
      // Whoever gives locks up and goes on runs beside the one that gets them.
      const goesOn = (holder as Transaction).state === 'open'
      if (awaited.length > (goesOn ? 0 : 1)) this.raced = true
      release(holder, keys)
    }
  }

  /** Of two that wait to insert one key, either may be the first to go on; and of two whose waits one step has ended. */
  #noteRaces(): void {
    const others = this.#outcomes.filter((outcome) => !outcome.startsWith(`${this.#stepping} `))
    if (others.length > 1) this.raced = true
    for (const [transaction, owner] of this.#owners) {
      const key = transaction.waitsFor
      if (key === undefined || this.database.locks.waiting(key).length < 2) continue
      const id = /^row \w+ (\w+)$/.exec(key)?.[1]
      if (id === undefined || makes(this.#steps.get(owner), id)) this.raced = true
    }
  }

  #look(): Seen {
    const { state } = this.database
    const open = [...this.#owners].filter(([{ state: now }]) => now === 'open')
    const running = open.filter(([{ xid }]) => xid !== undefined)
    return {
      outcomes: this.#outcomes.toSorted(),
      blocked: open.flatMap(([{ waitsFor }, owner]) => (waitsFor ? [owner] : [])).toSorted(),
      running: running.toSorted(([a], [b]) => a.xid! - b.xid!).map(([, owner]) => owner),
      rows: [...state.aggregates.values()]
        .map(({ root, children }) =>
          [
            `${String(root['id'])}@${String(root['version'])}`,
            ...(children['labels'] ?? []).map((row) => String(row['code'])).toSorted(),
          ].join(' '),
        )
        .toSorted(),
      log: logText(
        state.events
          .toSorted((a, b) => a.id - b.id)
          .map(({ id, stream, version, xid }) => ({
            event: `${stream}@${version}`,
            xid,
            position: state.positions.get(id)?.toString(),
          })),
      ),
      commands: [...state.records.keys()]
        .map((id) => Number(id.slice(-12)))
        .toSorted((a, b) => a - b),
      timers: [...state.timers.values()]
        .map(({ stream, input }) => `${stream} by #${String(input)}`)
        .toSorted(),
    }
  }
}

function makes(step: Step | undefined, id: string): boolean {
  const entries =
    step?.does === 'commit each'
      ? step.entries
      : step !== undefined && 'entry' in step
        ? [step.entry]
        : []
  return entries.some(({ changes }) => changes.some((one) => one.kind === 'make' && one.id === id))
}
