import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { embeddedPostgres, type EmbeddedPostgres } from '@tailrace/postgres/embedded'
import { KeptProcess } from './kept-process.ts'

export type RoleName = 'api' | 'sequencer' | 'worker' | 'timer'

/** Two durable PostgreSQL servers, started again when they die, and processes of the order system on them. */
export interface ChaosWorld {
  readonly dataDir: string
  readonly write: EmbeddedPostgres
  readonly read: EmbeddedPostgres
  readonly processes: readonly KeptProcess[]
  process(name: string): KeptProcess
  close(): Promise<void>
}

/** Starts everything; each name is a process with its roles. */
export async function chaosWorld(
  roles: Readonly<Record<string, readonly RoleName[]>>,
): Promise<ChaosWorld> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-chaos-'))
  const server = (model: string): Promise<EmbeddedPostgres> =>
    embeddedPostgres({ dataDir: join(dataDir, model), database: 'orders', restart: true })
  const [write, read] = await Promise.all([server('write'), server('read')])
  const shared = { dataDir, writeUrl: write.url, readUrl: read.url }
  const processes = Object.entries(roles).map(
    ([name, list]) => new KeptProcess(name, { ...shared, roles: list }),
  )
  const close = async (): Promise<void> => {
    await Promise.all(processes.map((process) => process.stop()))
    await Promise.all([write.stop(), read.stop()])
    rmSync(dataDir, { recursive: true, force: true })
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
    process: (name) => processes.find((one) => one.name === name)!,
    close,
  }
}
