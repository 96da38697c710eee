import { mkdirSync, openSync, closeSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { mountSmall, unmount } from './capabilities.ts'
import { milliseconds, pick, type FaultSource } from './fault.ts'

const mebibytes = 1_024
const fullMs = { least: 500, most: 10_000 }
const chunk = Buffer.alloc(1024 * 1024, 1)

/** A file system of its own for one folder, which can be full. */
export class SmallDisk {
  readonly name: string
  readonly #folder: string

  constructor(dataDir: string, name: string) {
    this.name = name
    this.#folder = join(dataDir, name)
    mkdirSync(this.#folder, { recursive: true })
    mountSmall(this.#folder, mebibytes)
  }

  /** Takes all the room that is left. */
  fill(): void {
    const file = openSync(this.#ballast, 'w')
    try {
      while (this.#free() > 0) writeSync(file, chunk)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    } finally {
      closeSync(file)
    }
  }

  free(): void {
    rmSync(this.#ballast, { force: true })
  }

  remove(): void {
    unmount(this.#folder)
  }

  get #ballast(): string {
    return join(this.#folder, 'ballast')
  }

  #free(): number {
    const { bavail, bsize } = statfsSync(this.#folder)
    return bavail * bsize
  }
}

export function diskSource(disks: readonly SmallDisk[]): FaultSource {
  return (random) => {
    const disk = pick(random, disks)
    return {
      kind: 'disk',
      what: `${disk.name} is full`,
      forMs: milliseconds(random, fullMs.least, fullMs.most),
      begin: () => disk.fill(),
      end: () => disk.free(),
    }
  }
}
