import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { TailraceError } from 'tailrace/adapter'
import type { DataFolder } from './data-folder.ts'
import { processIdentity } from './process-identity.ts'

interface Owner {
  readonly pid: number
  readonly identity: string
}

/** The process that has the data folder open, if it is alive. */
export function livingOwner(folder: DataFolder): number | undefined {
  const owner = readOwner(folder)
  return owner !== undefined && processIdentity(owner.pid) === owner.identity
    ? owner.pid
    : undefined
}

/** Makes this process the owner of the data folder, or throws when another living process is. */
export function claimFolder(folder: DataFolder): void {
  const owner: Owner = { pid: process.pid, identity: processIdentity(process.pid) ?? '' }
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(folder.owner, JSON.stringify(owner), { flag: 'wx' })
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const living = livingOwner(folder)
    if (living !== undefined || attempt === 10) {
      throw new TailraceError(
        'CONFIG',
        `expected the data folder ${folder.root} to be free, got one in use by process ${living ?? 'unknown'}; stop that process or choose another folder`,
        { details: { reason: 'FOLDER_IN_USE', folder: folder.root, pid: living } },
      )
    }
    // Left behind by a process that was killed.
    rmSync(folder.owner, { force: true })
  }
}

export function releaseFolder(folder: DataFolder): void {
  if (readOwner(folder)?.pid === process.pid) rmSync(folder.owner, { force: true })
}

function readOwner(folder: DataFolder): Owner | undefined {
  try {
    return JSON.parse(readFileSync(folder.owner, 'utf8')) as Owner
  } catch {
    return undefined
  }
}
