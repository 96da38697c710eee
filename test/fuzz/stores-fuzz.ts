import { join } from 'node:path'
import { Client } from 'pg'
import { Random } from '../../packages/simulator/src/kernel/random.ts'
import type { Environment } from '../../packages/lmdb/src/environment.ts'
import type { Damage } from './damage.ts'
import { damageLmdb, openStatusStore } from './damaged-lmdb.ts'
import { damageTables } from './damaged-tables.ts'
import type { FuzzArea } from './fuzz-area.ts'
import { givenUp, ledgerBreaches, settled } from './ledger.ts'
import type { OrdersProcess } from './orders-process.ts'
import { ask, placeOrders, probesOf, type Probe, type ProbeAnswer } from './probes.ts'

const damagesPerSeed = 3
const ordersFirst = 8
const restartsMax = 3
const noticedMs = 100

/** What read stores hold, damaged under a running system. */
export class StoresFuzz implements FuzzArea {
  readonly name = 'stores'
  readonly #orders: OrdersProcess
  readonly #tables: Client
  readonly #status: Environment
  readonly #probes: readonly Probe[]
  readonly #codes = new Map<string, number>()
  #known: readonly ProbeAnswer[] = []
  #placed = ordersFirst
  #damages = 0

  private constructor(orders: OrdersProcess, tables: Client, status: Environment, ids: string[]) {
    this.#orders = orders
    this.#tables = tables
    this.#status = status
    this.#probes = probesOf(ids)
  }

  static async open(orders: OrdersProcess): Promise<StoresFuzz> {
    const ids = await placeOrders(orders.url, 0, ordersFirst)
    const tables = new Client({ connectionString: orders.place.readUrl })
    await tables.connect()
    const status = openStatusStore(join(orders.place.dataDir, 'order-status'))
    const area = new StoresFuzz(orders, tables, status, ids)
    await area.#learn()
    return area
  }

  async run(seed: number): Promise<readonly string[]> {
    const random = new Random(seed, 13)
    const found: string[] = []
    for (let i = 0; i < damagesPerSeed && this.#orders.death === undefined; i++) {
      const damage = random.chance(0.5)
        ? await damageLmdb(this.#status, random)
        : await damageTables(this.#tables, random)
      this.#damages++
      const problems = await this.#underDamage(damage, random)
      found.push(...problems.map((problem) => `${damage.text}: ${problem}`))
    }
    const { death } = this.#orders
    return death === undefined ? found : [...found, death]
  }

  async finish(): Promise<readonly string[]> {
    return this.#orders.death === undefined
      ? ledgerBreaches(this.#orders, [])
      : [this.#orders.death]
  }

  summary(): string {
    const codes = [...this.#codes].toSorted().map(([code, many]) => `${code} × ${many}`)
    return `${this.#damages} damages, all undone; answers under them: ${codes.join(', ')}`
  }

  async close(): Promise<void> {
    await this.#tables.end()
    await this.#status.release()
  }

  async #underDamage(damage: Damage, random: Random): Promise<string[]> {
    const found: string[] = []
    try {
      // The worker meets it too, now and then.
      if (random.chance(0.5) && damage.shared !== true)
        await placeOrders(this.#orders.url, this.#placed++, 1)
      for (const [i, probe] of this.#probes.entries()) {
        const problem = this.#judge(
          damage,
          probe,
          await ask(this.#orders.url, probe),
          this.#known[i]!,
        )
        if (problem !== undefined)
          found.push(`${probe.query} ${JSON.stringify(probe.input)} ${problem}`)
      }
    } finally {
      await damage.undo()
    }
    const unsettled = await this.#atRest(damage, found)
    if (unsettled !== undefined) return [...found, `after it was undone, ${unsettled}`]
    await this.#learn()
    const breaches = await ledgerBreaches(this.#orders, [])
    return [...found, ...breaches.map((breach) => `after it was undone, ${breach}`)]
  }

  /** Starts again what was given up, which may show only after a while. Why it does not come to rest; undefined when it does. */
  async #atRest(damage: Damage, found: string[]): Promise<string | undefined> {
    for (let restarts = 0; restarts <= restartsMax; restarts++) {
      const gaveUp = await givenUp(this.#orders)
      const others = gaveUp.filter((name) => name !== damage.projection)
      if (others.length > 0) found.push(`${others.join()} were given up, which were not damaged`)
      if (gaveUp.length > 0) await this.#orders.restart()
      const unsettled = await settled(this.#orders)
      if (unsettled !== undefined) return unsettled
      // What a worker read before it was undone.
      await new Promise((resolve) => setTimeout(resolve, noticedMs))
      if ((await givenUp(this.#orders)).length === 0) return undefined
    }
    return 'a read model is given up again and again'
  }

  /** What is wrong with an answer. Lists grow with the orders that are placed: only answers about the first orders are compared. */
  #judge(
    damage: Damage,
    probe: Probe,
    answer: ProbeAnswer,
    known: ProbeAnswer,
  ): string | undefined {
    const { status, code, data } = answer
    const touched = probe.projections.includes(damage.projection)
    const what = status === 200 ? (touched ? 'answered' : 'answered, elsewhere') : code!
    this.#codes.set(what, (this.#codes.get(what) ?? 0) + 1)
    const fixed = 'orderId' in (probe.input as object) || 'orderIds' in (probe.input as object)
    if (status !== 200) {
      if (!touched) return `is about another read model, and got ${status} ${code}`
      return code === undefined || code === 'INTERNAL' ? `got ${status} ${code}` : undefined
    }
    if (!fixed || data === known.data) return undefined
    if (!touched)
      return `is about another read model, and got another answer, ${data}, for ${known.data}`
    return damage.detectable ? `got another answer, ${data}, for ${known.data}` : undefined
  }

  async #learn(): Promise<void> {
    const unsettled = await settled(this.#orders)
    if (unsettled !== undefined) throw new Error(unsettled)
    const answers: ProbeAnswer[] = []
    for (const probe of this.#probes) answers.push(await ask(this.#orders.url, probe))
    this.#known = answers
  }
}
