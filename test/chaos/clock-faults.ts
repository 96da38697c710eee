import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { milliseconds, pick, type FaultSource } from './fault.ts'

const lastsMs = { least: 500, most: 15_000 }
const jumps = ['-3600', '-60', '-2', '+2', '+60', '+3600', '+86400', '+0 x1.3', '+0 x0.7']

/** Gives each process a clock of its own, which follows the real one until it is turned. */
export class TurnedClocks {
  readonly #folder: string
  readonly #library: string

  constructor(folder: string, library: string) {
    this.#folder = folder
    this.#library = library
  }

  /** For the environment of a process. Time spans are measured by a clock that does not jump, as on real machines. */
  envOf(process: string): Record<string, string> {
    this.#set(process, '+0')
    return {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: this.#file(process),
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    }
  }

  source(processes: readonly string[]): FaultSource {
    return (random) => {
      const process = pick(random, processes)
      const jump = pick(random, jumps)
      return {
        kind: 'clock',
        what: `${process}: ${jump} s`,
        forMs: milliseconds(random, lastsMs.least, lastsMs.most),
        begin: () => this.#set(process, jump),
        end: () => this.#set(process, '+0'),
      }
    }
  }

  #set(process: string, jump: string): void {
    writeFileSync(this.#file(process), `${jump}\n`)
  }

  #file(process: string): string {
    return join(this.#folder, `clock-${process}`)
  }
}
