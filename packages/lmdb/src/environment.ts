import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { open, type Database, type RootDatabase, type Transaction } from 'lmdb'
import { TailraceError } from 'tailrace/adapter'
import { catalogName, namesInUse } from './table-names.ts'

/** Keys and values are bytes of our own making, so that every process and version reads them alike. */
export type Table = Database<Buffer, Buffer>

/** One LMDB environment: a folder with one memory-mapped file. */
export interface Environment {
  readonly root: RootDatabase<Buffer, Buffer>
  /** Opens a named database, made when missing. */
  table(name: string): Table
  /** Runs reads and writes as one transaction. The callback must not throw after its first write. Throws `UNAVAILABLE`, also when the store is full. */
  write<T>(body: () => T): Promise<T>
  /** As `write`, also in a full store: for what makes room or leads to it. */
  administer<T>(body: () => T): Promise<T>
  /** Throws `ADAPTER_CLOSED` after `release`. */
  assertOpen(): void
  /** Gives this user's hold up; the last one closes the file. */
  release(): Promise<void>
}

type FastGet = (key: Buffer, options?: { readonly transaction: Transaction }) => Buffer | undefined

/**
 * Reads without copying: the bytes are good until the next read, and end at `length`, not at the buffer's end.
 * The declared type of the driver leaves out the options.
 */
export function getFast(
  table: Table,
  key: Buffer,
  options?: { readonly transaction: Transaction },
): Buffer | undefined {
  return (table as unknown as { getBinaryFast: FastGet }).getBinaryFast(key, options)
}

const bytes = { encoding: 'binary', keyEncoding: 'binary' } as const
type SharedFile = Omit<Environment, 'release' | 'assertOpen'>
const opened = new Map<string, { users: number; readonly file: SharedFile }>()

/**
 * Opens the environment of a folder, once per process: LMDB forbids the same file twice. `limitBytes` bounds the file:
 * LMDB itself would grow it until the disk is full. Reader slots that dead processes left behind are freed.
 */
export function openEnvironment(folder: string, limitBytes: number): Environment {
  const path = resolve(folder)
  const shared = opened.get(path) ?? { users: 0, file: openFile(path, limitBytes) }
  opened.set(path, shared)
  shared.users++
  let held = true
  const assertOpen = (): void => {
    if (!held)
      throw new TailraceError(
        'ADAPTER_CLOSED',
        `expected an open LMDB store at "${path}", got a call after close()`,
      )
  }
  const { file } = shared
  return {
    root: file.root,
    table: file.table,
    assertOpen,
    async write(body) {
      assertOpen()
      return file.write(body)
    },
    async administer(body) {
      assertOpen()
      return file.administer(body)
    },
    async release() {
      if (!held) return
      held = false
      if (--shared.users > 0) return
      opened.delete(path)
      await file.root.close()
    },
  }
}

function openFile(path: string, limitBytes: number): SharedFile {
  const root = openRoot(path)
  const tables = new Map<string, Table>()
  const table = (name: string): Table => {
    let known = tables.get(name)
    if (known === undefined) {
      known = unavailable(path, () => root.openDB<Buffer, Buffer>({ name, ...bytes }))
      tables.set(name, known)
    }
    return known
  }
  return {
    root,
    table,
    async write(body) {
      checkRoom(root, table, path, limitBytes)
      return commit(root, path, body)
    },
    administer: (body) => commit(root, path, body),
  }
}

async function commit<T>(
  root: RootDatabase<Buffer, Buffer>,
  path: string,
  body: () => T,
): Promise<T> {
  try {
    return await root.transaction(body)
  } catch (error) {
    throw await storageError(error, path)
  }
}

function openRoot(path: string): RootDatabase<Buffer, Buffer> {
  return unavailable(path, () => {
    mkdirSync(path, { recursive: true })
    // Two databases per projection version that this process opens and one catalog; reader slots for many processes and in-flight snapshots.
    const root = open<Buffer, Buffer>({
      path,
      noSubdir: false,
      maxDbs: 512,
      maxReaders: 512,
      // With it, a commit that fails also rejects a promise that nobody can have.
      eventTurnBatching: false,
      ...bytes,
    })
    root.readerCheck()
    return root
  })
}

function unavailable<T>(path: string, openIt: () => T): T {
  try {
    return openIt()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new TailraceError(
      'UNAVAILABLE',
      `expected to open the LMDB store at "${path}", got ${reason}`,
      { cause: error, retryable: true },
    )
  }
}

interface TableStats {
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
}

interface FileStats extends TableStats {
  readonly root: TableStats & { readonly pageSize: number }
  readonly free: TableStats
  readonly lastPageNumber: number
}

/** The file never shrinks, so a file over its limit may still have room in freed pages: then the live pages are counted. */
function checkRoom(
  root: RootDatabase<Buffer, Buffer>,
  table: (name: string) => Table,
  path: string,
  limitBytes: number,
): void {
  const stats = root.getStats() as FileStats
  if ((stats.lastPageNumber + 1) * stats.root.pageSize < limitBytes) return
  const live = [
    stats.root,
    stats.free,
    ...namesInUse(table(catalogName)).map((name) => table(name).getStats() as TableStats),
  ]
  const used =
    live.reduce(
      (sum, one) => sum + one.treeBranchPageCount + one.treeLeafPageCount + one.overflowPages,
      0,
    ) * stats.root.pageSize
  if (used < limitBytes) return
  throw new TailraceError(
    'UNAVAILABLE',
    `expected the LMDB store at "${path}" to hold less than its mapSize of ${limitBytes} bytes, got ${used}; raise mapSize or drop old projection versions`,
    { retryable: true, details: { used, limit: limitBytes } },
  )
}

/** A failed commit hides its cause in a promise of its own; brings it out as UNAVAILABLE. Other errors pass unchanged. */
async function storageError(error: unknown, path: string): Promise<unknown> {
  const pending = (error as { commitError?: Promise<unknown> }).commitError
  const code = (error as { code?: unknown }).code
  if (pending === undefined && typeof code !== 'number') return error
  const cause =
    pending === undefined
      ? error
      : await pending.then(
          () => error,
          (inner: unknown) => inner,
        )
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new TailraceError(
    'UNAVAILABLE',
    `expected to write to the LMDB store at "${path}", got ${reason}; nothing was written`,
    { cause, retryable: true },
  )
}
