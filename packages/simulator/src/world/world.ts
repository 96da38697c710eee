import { SimBroker } from '../bus/broker.ts'
import { OtherTeam } from '../bus/other-team.ts'
import type { LoggedEvent, Operation, Violation } from '../checker/history.ts'
import { Server } from '../kernel/network.ts'
import type { Random } from '../kernel/random.ts'
import type { Simulation } from '../kernel/simulation.ts'
import { Database } from '../server/database.ts'
import { StoreServer } from '../stores/store-server.ts'
import { ClientSession } from './client-session.ts'
import { sampleApp, type SampleApp } from './sample-app.ts'
import type { Code } from './sample-orders.ts'
import type { Switches } from './sample-projections.ts'
import { SimNode } from './sim-node.ts'
import type { Swarm } from './swarm.ts'

/** After so long without an answer a process gives a connection up. */
const answerTimeoutMs = 1_500

/** Servers, processes and clients of one seed. */
export class World {
  readonly simulation: Simulation
  readonly swarm: Swarm
  readonly database: Database
  readonly stores: ReadonlyMap<string, StoreServer>
  readonly broker: SimBroker | undefined = undefined
  /** Reads the bus beside the engine. */
  readonly team: OtherTeam | undefined = undefined
  readonly nodes: readonly SimNode[]
  readonly sessions: ClientSession[]
  readonly switches: Switches
  readonly operations: Operation[] = []
  /** Sessions that had to forget their tokens: what they had seen before does not bind what they see after. */
  readonly forgotten: { readonly session: string; readonly at: number }[] = []
  /** Events that a restore of the database took back, by command: acknowledged or not, they are gone. */
  readonly takenBack = new Set<string>()
  /** Whether the log was ever restored: then it does not explain what clients saw before. */
  wasRestored = false
  /** Histories of the log that a restore has ended, as far as they came. */
  readonly pastLogs = new Map<string, readonly LoggedEvent[]>()
  readonly clientRandom: Random
  /** What new processes run. */
  currentApp: SampleApp
  code: Code = 1
  version = 1
  /** Read models by generation, for the checks. */
  readonly apps = new Map<number, SampleApp>()
  sessionsDone = 0
  /** From now on nothing goes wrong any more. */
  healed = false
  /** What must never be, noticed on the way. */
  readonly violations: Violation[] = []
  /** Questions that got no fresh answer at rest. */
  readonly unanswered: string[] = []
  /** Calls that a living process has not answered yet. */
  readonly serving = new Set<{ readonly node: string; readonly since: number }>()
  /** Roll-outs under way. */
  upgrading = 0

  constructor(simulation: Simulation, swarm: Swarm) {
    this.simulation = simulation
    this.swarm = swarm
    this.clientRandom = simulation.random()
    const { latencyMs, rates } = swarm.database
    const random = simulation.random()
    this.database = new Database(
      simulation,
      new Server('database', rates, latencyMs, answerTimeoutMs),
      swarm.database,
      random.between(-3_000, 3_000),
    )
    this.stores = new Map(
      swarm.stores.map((plan) => [
        plan.name,
        new StoreServer(
          simulation,
          new Server(plan.name, plan.rates, plan.latencyMs, answerTimeoutMs),
          plan,
        ),
      ]),
    )
    this.switches = { poison: true, outsideAway: swarm.outsideAway }
    this.currentApp = this.#makeApp()
    for (const store of this.stores.values())
      store.onViolation = (invariant, text) => this.violations.push({ invariant, text })
    this.nodes = swarm.nodes.map(
      ({ name, roles }) => new SimNode(this, name, roles, this.currentApp),
    )
    this.sessions = Array.from(
      { length: swarm.sessions },
      (_, i) => new ClientSession(this, `s${i + 1}`, swarm.thinkMs),
    )
    if (swarm.bus === undefined) return
    const server = new Server('bus', swarm.bus.rates, swarm.bus.latencyMs, answerTimeoutMs)
    this.broker = new SimBroker(simulation, server, swarm.bus)
    this.team = new OtherTeam(this.broker, this.database)
  }

  #makeApp(): SampleApp {
    const used = new Set(Object.keys(this.swarm.projections))
    const made = sampleApp(this.code, this.version, used, this.switches)
    this.apps.set(this.version, made)
    return made
  }

  /** From now on, processes that start run newer code, with another version of every read model. */
  release(newCode: boolean): void {
    this.version++
    if (newCode) this.code = 2
    this.currentApp = this.#makeApp()
  }

  /** A query ends within its wait and this. */
  get answerWithinMs(): number {
    const { swarm } = this
    const { cut, databaseCrash, storeCrash, restoreDatabase } = swarm.nemesis
    const rates = [swarm.database.rates, ...swarm.stores.map((store) => store.rates)]
    const calm =
      cut + databaseCrash + storeCrash + restoreDatabase + swarm.storesUpAtMs === 0 &&
      !swarm.restoreDatabaseAtRest &&
      rates.every(({ hang, slow }) => hang + slow === 0)
    return calm ? 700 : 5_500 + 1.25 * (swarm.tuning.read?.runMs ?? 30_000)
  }

  orderId(random: Random): string {
    return `o-${random.below(this.swarm.orders) + 1}`
  }

  storeOf(projection: string): StoreServer {
    return this.stores.get(this.swarm.projections[projection]!)!
  }

  /** One more client, for a while: so that something happens after a restore. */
  startLateClient(): void {
    const session = new ClientSession(this, `late${this.sessions.length}`, 150)
    this.sessions.push(session)
    void session.run().then(() => this.sessionsDone++)
  }

  startClients(): void {
    for (const session of this.sessions) void session.run().then(() => this.sessionsDone++)
  }
}
