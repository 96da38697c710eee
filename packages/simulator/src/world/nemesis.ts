import type { Random } from '../kernel/random.ts'
import type { DatabaseState } from '../server/database-state.ts'
import { harmBus, healBus } from '../bus/bus-nemesis.ts'
import { noBusNemesis, type BusNemesisPlan } from '../bus/bus-plan.ts'
import { historyOf, loggedEvents } from '../server/logged-events.ts'
import { headOf } from '../server/event-log.ts'
import type { StoreState } from '../stores/store-state.ts'
import type { StoreServer } from '../stores/store-server.ts'
import type { SimNode } from './sim-node.ts'
import { wrongHead } from './status-at-rest.ts'
import type { Focus } from './focus.ts'
import type { NemesisPlan } from './swarm.ts'
import type { World } from './world.ts'

type Deed = keyof NemesisPlan

/** Worlds whose database is back before a call has failed. */
const soonBack: ReadonlySet<Focus> = new Set([
  'lost ends',
  'undone deeds',
  'lost writes',
  'overtaken writes',
])

/** Does harm at seeded moments of the first phase, and undoes all of it in the end. */
export class Nemesis {
  readonly #world: World
  readonly #random: Random
  readonly #backups = new Map<StoreServer, StoreState>()
  #databaseBackup: DatabaseState | undefined
  #restored = false

  constructor(world: World) {
    this.#world = world
    this.#random = world.simulation.random()
  }

  /** Plans the deeds of the first phase. */
  plan(): void {
    const { swarm, simulation } = this.#world
    for (const [deed, mean] of Object.entries(swarm.nemesis)) {
      for (let at = this.#next(mean); at < swarm.durationMs; at += this.#next(mean))
        simulation.kernel.after(at, deed, () => this.#do(deed as Deed))
    }
    if (swarm.upgradeAtMs !== undefined)
      simulation.kernel.after(swarm.upgradeAtMs, 'upgrade', () => {
        this.#world.upgrading++
        void this.#upgrade()
      })
    simulation.kernel.after(swarm.backUpAtMs, 'backup', () => this.#backUp())
    if (swarm.backAfterMs !== undefined)
      simulation.kernel.after(swarm.backUpAtMs + swarm.backAfterMs, 'restoreDatabase', () =>
        this.#do('restoreDatabase'),
      )
    this.#openStores(swarm.storesUpAtMs)
  }

  #openStores(at: number): void {
    if (at === 0) return
    for (const store of this.#world.stores.values()) {
      store.crash()
      this.#world.simulation.kernel.after(at, 'recover', () => store.recover())
    }
  }

  /** Everything works again: what is down comes up, what is cut is joined, and nothing goes wrong any more. */
  heal(): void {
    const { simulation, database, stores, nodes } = this.#world
    simulation.faults.active = false
    this.#world.healed = true
    for (const { server } of [database, ...stores.values()]) {
      server.up = true
      server.cut.clear()
    }
    if (this.#world.broker !== undefined) healBus(this.#world.broker)
    this.#resumeAll()
    for (const node of nodes) {
      node.goOn()
      if (!node.isUp) node.startLater(5)
    }
    simulation.say('nemesis', () => 'healed')
    if (this.#world.swarm.restoreAtRest) this.#restoreAtRest()
    if (this.#world.swarm.restoreDatabaseAtRest) this.#restoreDatabaseAtRest()
  }

  /** No event comes after it: what was known of the lost end must be forgotten all the same. */
  #restoreDatabaseAtRest(): void {
    const { simulation, sessions } = this.#world
    this.#world.upgrading++
    const whenQuiet = (): void => {
      if (this.#world.sessionsDone < sessions.length) return restoreLater()
      simulation.say('nemesis', () => 'restore the database at rest')
      this.#restoreDatabase(this.#random.pick([0.2, 50]), false)
      this.#world.upgrading--
    }
    const restoreLater = (): void => void simulation.kernel.after(200, 'restore', whenQuiet)
    restoreLater()
  }

  /** No event comes after it, and no call fails. */
  #restoreAtRest(): void {
    const { simulation, stores } = this.#world
    this.#world.upgrading++
    simulation.kernel.after(900, 'restoreStore', () => {
      simulation.say('nemesis', () => 'restore at rest')
      for (const store of stores.values()) this.#restoreStore(store)
      this.#world.upgrading--
    })
  }

  #next(mean: number): number {
    return mean === 0
      ? Number.POSITIVE_INFINITY
      : this.#random.spread(this.#world.swarm.durationMs / mean)
  }

  #do(deed: Deed): void {
    const { simulation, nodes, database, stores } = this.#world
    const node = this.#random.pick(nodes)
    const store = this.#random.pick([...stores.values()])
    const ms = this.#random.spread(this.#random.chance(0.2) ? 1_200 : 250)
    if (!simulation.faults.happens(deed, node.name)) return
    simulation.say(
      'nemesis',
      () => `${deed} (${node.name}, ${store.server.name}, ${Math.round(ms)} ms)`,
    )
    if (deed in noBusNemesis) return this.#harmBus(deed as keyof BusNemesisPlan, node.name, ms)
    const deeds: Record<Exclude<Deed, keyof BusNemesisPlan>, () => void> = {
      crash: () => this.#crash(node, ms),
      restart: () => void this.#restart(node),
      pause: () => node.standStill(Math.min(3_000, ms * 4)),
      cut: () => this.#cut(node, this.#random.chance(0.6) ? database.server : store.server, ms * 2),
      databaseCrash: () => {
        database.crash()
        simulation.kernel.after(ms, 'recover', () => database.recover())
      },
      storeCrash: () => {
        store.crash()
        simulation.kernel.after(ms, 'recover', () => store.recover())
      },
      longTransaction: () => void this.#hold(ms * 3),
      clockJump: () => this.#jump(node),
      pauseProjection: () => this.#pauseProjection(ms),
      restoreStore: () => this.#restoreStore(store),
      restoreDatabase: () => this.#restoreDatabase(this.#backSoon(ms), true),
      stuckWorker: () => this.#stickWorker(ms * 3),
    }
    deeds[deed as keyof typeof deeds]()
  }

  #harmBus(deed: keyof BusNemesisPlan, node: string, ms: number): void {
    const { broker } = this.#world
    if (broker !== undefined) harmBus(deed, { broker, random: this.#random, node, ms })
  }

  #crash(node: SimNode, ms: number): void {
    node.crash()
    node.startLater(ms)
  }

  async #restart(node: SimNode): Promise<void> {
    await node.stop(1_000)
    node.startLater(5)
  }

  #cut(
    node: SimNode,
    server: { readonly cut: Map<string, 'refused' | 'silent'> },
    ms: number,
  ): void {
    server.cut.set(node.name, this.#random.pick(['refused', 'silent']))
    this.#world.simulation.kernel.after(ms, 'joined', () => server.cut.delete(node.name))
  }

  /** A transaction of somebody else that has an id and stays open. */
  async #hold(ms: number): Promise<void> {
    const { database, simulation } = this.#world
    const transaction = database.begin()
    await database.writes(transaction).catch(() => undefined)
    simulation.marks.sometimes('a transaction of somebody else stays open')
    simulation.kernel.after(ms, 'let go', () => database.rollback(transaction))
  }

  #jump(node: SimNode): void {
    const skew = this.#random.pick([-3_600_000, 7_000, 86_400_000])
    node.skewMs = skew
    if (node.process !== undefined) node.process.skewMs = skew
  }

  #pauseProjection(ms: number): void {
    const { database, simulation, swarm } = this.#world
    const projection = this.#random.pick(Object.keys(swarm.projections))
    const set = (paused: boolean): void => {
      for (const [key, lease] of database.state.leases)
        if (lease.projection === projection) database.state.leases.set(key, { ...lease, paused })
    }
    set(true)
    simulation.kernel.after(ms, 'resume', () => set(false))
  }

  /** Somebody who is not of this world takes a range, as a worker does whose handler hangs, and gives it back only by its end. */
  #stickWorker(ms: number): void {
    const { database, simulation } = this.#world
    const { leases } = database.state
    const { projections } = this.#world.swarm
    const ranges = [...leases].filter(([, { projection }]) => projection in projections)
    if (ranges.length === 0) return
    const [key, lease] = this.#random.pick(ranges)
    const untilMs = database.nowMs() + ms
    leases.set(key, { ...lease, owner: 'stuck', fence: lease.fence + 1n, untilMs })
    simulation.marks.sometimes('a worker holds a range and does nothing')
  }

  #resumeAll(): void {
    const { leases } = this.#world.database.state
    for (const [key, lease] of leases) leases.set(key, { ...lease, paused: false })
  }

  #backUp(): void {
    for (const store of this.#world.stores.values()) this.#backups.set(store, store.state.copy())
    this.#databaseBackup = this.#world.database.state.copy()
  }

  #restoreStore(store: StoreServer): void {
    const backup = this.#backups.get(store)
    if (backup === undefined || this.#restored) return
    // A copy from before a switch of versions would look like somebody's wish to go back to the old one.
    for (const [projection, version] of store.state.live)
      if (backup.live.get(projection) !== version) return
    this.#world.simulation.marks.sometimes('a read store goes back in time')
    store.restore(backup)
    store.diverged.clear()
  }

  /** How long it is away: sometimes so short that hardly any call fails. */
  #backSoon(ms: number): number {
    const { focus } = this.#world.swarm
    const soon = soonBack.has(focus)
    return soon ? 0.2 : this.#random.pick([0.2, ms])
  }

  /** The database goes back in time; read models that went further are rebuilt, as the product asks for. */
  #restoreDatabase(ms: number, lively: boolean): void {
    const backup = this.#databaseBackup
    if (backup === undefined || this.#restored) return
    this.#restored = true
    this.#world.wasRestored = true
    const { database, simulation, takenBack } = this.#world
    this.#markDiverged(headOf(backup))
    for (const store of this.#world.stores.values())
      store.onLostData = (version) => this.#releaseInsteadOf(version)
    const kept = new Set(backup.records.keys())
    for (const id of database.state.records.keys()) if (!kept.has(id)) takenBack.add(id)
    const history = historyOf(database.state)
    if (history !== undefined) this.#world.pastLogs.set(history, loggedEvents(database.state))
    database.restore(backup)
    // Nobody ends a pause that comes back with the backup.
    this.#resumeAll()
    this.#world.upgrading++
    simulation.marks.sometimes('the database goes back in time')
    simulation.kernel.after(ms, 'recover', () => {
      database.recover()
      if (lively) this.#world.startLateClient()
      // One that was cut off before has waited for an answer by then, and rested after that.
      else simulation.kernel.after(2_900, 'status', () => void this.#checkStatus(headOf(backup)))
      // Read models that hold what the log lost say so and stand still, until there is a new version of them.
      simulation.kernel.after(
        lively && this.#world.swarm.focus !== 'lost ends' ? this.#random.pick([5, 3_000]) : 3_000,
        'release',
        () => this.#releaseIfDiverged(headOf(backup)),
      )
    })
  }

  /** What processes say of a log that lost its end, before any event comes after it. */
  async #checkStatus(survived: bigint): Promise<void> {
    // A timer may have been faster.
    if (headOf(this.#world.database.state) !== survived) return
    const text = await wrongHead(this.#world)
    if (text !== undefined) this.#world.violations.push({ invariant: 'I17', text })
  }

  /** Whether a read model holds what the log lost, or may yet: then only a new version of it helps. */
  #isDiverged(survived: bigint): boolean {
    const present = historyOf(this.#world.database.state)
    return [...this.#world.stores.values()].some(
      ({ state, tuning, server: { rates } }) =>
        rates.hang + rates.slow + rates.late + tuning.stuck > 0 ||
        [...state.versions.values()].some(({ checkpoints }) =>
          [...checkpoints.values()].some(
            ({ position, history }) => position > survived && history !== present,
          ),
        ),
    )
  }

  /** A worker says that this version holds what the log lost: its operator builds it anew. */
  #releaseInsteadOf(version: number): void {
    const { simulation } = this.#world
    simulation.marks.sometimes('data of lost events is found beyond a checkpoint')
    // Others may say the same, also of versions that are on their way out.
    if (version !== this.#world.version) return
    this.#world.upgrading++
    void this.#upgrade()
  }

  /** A batch that is on its way may still arrive: who has not diverged by then goes on as it is. */
  #releaseIfDiverged(survived: bigint): void {
    if (this.#isDiverged(survived)) return void this.#upgrade()
    const { simulation } = this.#world
    simulation.kernel.after(3_000, 'release', () => {
      if (this.#isDiverged(survived)) return void this.#upgrade()
      simulation.marks.sometimes('read models go on after a restore')
      this.#world.upgrading--
    })
  }

  /** A batch that was read before may still arrive; a while later nobody goes on from what the log lost. */
  #markDiverged(survived: bigint): void {
    for (const store of this.#world.stores.values())
      for (const [key, { checkpoints }] of store.state.versions)
        if ([...checkpoints.values()].some(({ position }) => position > survived))
          this.#laterDiverged(store, key)
  }

  #laterDiverged(store: StoreServer, key: string): void {
    const { state } = store
    const { nodes, simulation } = this.#world
    const { hang } = store.server.rates
    const onItsWayMs = hang + store.tuning.stuck > 0 ? 2_600 : 800
    const look = (): void => {
      // Who stands still may have read it long ago.
      const still = Math.max(...nodes.map(({ stillUntilMs }) => stillUntilMs))
      const leftMs = still + onItsWayMs - simulation.kernel.nowMs
      if (leftMs > 0) simulation.kernel.after(leftMs, 'diverged', look)
      else if (store.state === state) store.diverged.add(key)
    }
    simulation.kernel.after(onItsWayMs, 'diverged', look)
  }

  /** Processes are replaced one after the other. */
  async #upgrade(): Promise<void> {
    const { nodes, simulation, swarm } = this.#world
    this.#world.release(swarm.newCode)
    simulation.say('nemesis', () => `release: version ${this.#world.version}`)
    for (const node of nodes) {
      const app = this.#world.currentApp
      node.app = app
      await node.stop(500)
      node.startLater(5)
      await simulation.kernel.pause(this.#random.spread(80), 'roll')
    }
    this.#world.upgrading--
  }
}
