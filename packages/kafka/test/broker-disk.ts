import { execFileSync } from 'node:child_process'
import { renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import type { EngineName } from '../../../scripts/engines/engine-names.ts'
import { dataFolder } from '../../../scripts/engines/engine-state.ts'
import { canMount } from '../../../test/chaos/capabilities.ts'
import { SmallDisk } from '../../../test/chaos/disk-faults.ts'

/** Why a broker cannot have a small disk here; undefined when it can. */
export function noSmallDisk(): string | undefined {
  return canMount() ? undefined : 'a full disk: file systems cannot be mounted here (needs root)'
}

/**
 * Gives the only broker of a cluster, which must not run, a small file system with a copy of its data. `remove`, when it
 * does not run either, brings back the data that it had before: nothing that happened meanwhile stays.
 */
export class BrokerDisk {
  readonly #data: string
  readonly #disk: SmallDisk

  constructor(name: EngineName) {
    const folder = join(dataFolder(), name)
    this.#data = join(folder, 'node-1')
    renameSync(this.#data, this.#kept)
    this.#disk = new SmallDisk(folder, 'node-1')
    try {
      // Each partition has two index files of 10 MiB, nearly all of which is holes.
      execFileSync('cp', ['-a', '--sparse=always', `${this.#kept}/.`, this.#data])
    } catch (error) {
      this.remove()
      throw error
    }
  }

  fill(): void {
    this.#disk.fill()
  }

  free(): void {
    this.#disk.free()
  }

  remove(): void {
    this.#disk.remove()
    rmdirSync(this.#data)
    renameSync(this.#kept, this.#data)
  }

  get #kept(): string {
    return `${this.#data}.kept`
  }
}
