import { spawnSync } from 'node:child_process'
import { chownSync, lchownSync, readdirSync } from 'node:fs'
import { platform } from 'node:os'
import { join } from 'node:path'

/** How to run a program of PostgreSQL, which refuses to run as root. */
export interface Account {
  readonly kind: 'same' | 'namespace' | 'nobody'
  /** Words to put before the program and its arguments. */
  readonly prefix: readonly string[]
  readonly uid?: number
  readonly gid?: number
}

const nobody = 65534
const namespace = ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`, '--']

let chosen: Account | undefined

/**
 * An ordinary user runs the server as itself. Root, as in most containers, runs it in a user namespace in which root
 * appears as "nobody": no user is made and every file keeps its owner. Where the kernel or the container forbids
 * that, the server runs as "nobody" and owns its data folder.
 */
export function chooseAccount(): Account {
  chosen ??= choose(
    process.getuid?.() ?? -1,
    () => spawnSync(namespace[0]!, [...namespace.slice(1), 'true']).status === 0,
  )
  return chosen
}

export function choose(uid: number, namespaceWorks: () => boolean): Account {
  if (uid !== 0) return { kind: 'same', prefix: [] }
  if (platform() === 'linux' && namespaceWorks()) return { kind: 'namespace', prefix: namespace }
  return { kind: 'nobody', prefix: [], uid: nobody, gid: nobody }
}

/** Hands a folder with all it holds to the account, where the account is another user. */
export function giveTo(account: Account, folder: string): void {
  if (account.uid === undefined || account.gid === undefined) return
  chownSync(folder, account.uid, account.gid)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) giveTo(account, path)
    else lchownSync(path, account.uid, account.gid)
  }
}
