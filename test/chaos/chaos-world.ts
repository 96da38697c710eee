import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { enginesFromEnv } from '../../systems/orders/engines.ts'
import { storesOf, type ChaosStores } from './chaos-stores.ts'
import { KeptProcess } from './kept-process.ts'
import { KeptServer } from './kept-server.ts'
import { layLinks, type Links } from './links.ts'

export type RoleName = 'api' | 'sequencer' | 'relay' | 'worker' | 'timer'

/** The variables of an order system's engines, as `systems/orders/engines.ts` reads them. */
export type EngineEnv = Readonly<Record<string, string>>

export interface WorldOptions {
  /** Default: a new folder, which is removed in the end. */
  readonly dataDir?: string
  /** Whether a fault proxy stands between every process and every server. Default: no. */
  readonly linked?: boolean
  /** Default: no engines. */
  readonly engines?: EngineEnv
  /** Of both PostgreSQL servers, on top of their defaults. */
  readonly settings?: Readonly<Record<string, string>>
  /** Variables of a process on top of all else. Default: none. */
  readonly envOf?: (process: string) => Readonly<Record<string, string>>
}

/** Two durable PostgreSQL servers, started again when they die, and processes of the order system on them. */
export interface ChaosWorld {
  readonly dataDir: string
  readonly write: KeptServer
  readonly read: KeptServer
  readonly processes: readonly KeptProcess[]
  /** Between processes and servers; empty without proxies. */
  readonly links: Links
  process(name: string): KeptProcess
  /** The stores of the read models, reached directly. */
  stores(): ChaosStores
  close(): Promise<void>
}

/** Starts everything; each name is a process with its roles. */
export async function chaosWorld(
  roles: Readonly<Record<string, readonly RoleName[]>>,
  options: WorldOptions = {},
): Promise<ChaosWorld> {
  const { engines = {}, settings = {}, envOf = () => ({}) } = options
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'tailrace-chaos-'))
  const server = (model: string): Promise<KeptServer> =>
    KeptServer.start({ dataDir: join(dataDir, model), database: 'orders', settings })
  const [write, read] = await Promise.all([server('write'), server('read')])
  const addresses = { write: write.url, read: read.url, ...engines }
  const links = await layLinks(Object.keys(roles), options.linked === true ? addresses : {})
  const processes = Object.entries(roles).map(([name, list]) => {
    const { write: writeUrl, read: readUrl, ...env } = links.addressesFor(name, addresses)
    const own = { dataDir, writeUrl, readUrl, roles: list }
    return new KeptProcess(name, own, { ...env, ...envOf(name) })
  })
  const close = async (): Promise<void> => {
    await Promise.all(processes.map((process) => process.stop()))
    await links.close()
    await Promise.all([write.stop(), read.stop()])
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
  }
  try {
    // The first one makes the tables; the others find them.
    for (const process of processes) await process.start()
  } catch (error) {
    await close()
    throw error
  }
  return {
    dataDir,
    write,
    read,
    processes,
    links,
    process: (name) => processes.find((one) => one.name === name)!,
    stores: () => storesOf(read.url, dataDir, enginesFromEnv(engines)),
    close,
  }
}
