import { TailraceError, type LiveVersion } from 'tailrace/adapter'
import type { Server } from './server.ts'
import { nothing, StateLog, type StateRow, type StateView } from './state-log.ts'

const racesMax = 20

/** Which versions of which projections exist, what their tables look like, and which one is read. */
export class Catalog {
  readonly #log: StateLog
  #created: Promise<void> | undefined

  constructor(server: Server) {
    this.#log = new StateLog(server, 'tailrace_catalog')
  }

  async liveVersion(projection: string): Promise<number | undefined> {
    return liveOf(await this.#read(projection))
  }

  async versions(projection: string): Promise<readonly number[]> {
    const { rows } = await this.#read(projection)
    return rows.filter(({ kind }) => kind === 'version').map(({ number }) => Number(number))
  }

  /** Whether a version is being dropped, perhaps by a process that has ended. */
  async isLeaving(projection: string, version: number): Promise<boolean> {
    return isLeaving(versionRow(await this.#read(projection), version))
  }

  /** What a version's tables must look like; undefined: there is none. */
  async agreed(projection: string, version: number): Promise<string | undefined> {
    return versionRow(await this.#read(projection), version)?.body
  }

  /** Notes a version; of several at once, all agree or the later ones get `CONFIG` at their next look. */
  add(projection: string, version: number, agreed: string): Promise<void> {
    return this.#change(projection, (view) => {
      if (versionRow(view, version) !== undefined) return []
      return [
        { ...nothing, kind: 'version', key: projection, number: BigInt(version), body: agreed },
      ]
    })
  }

  /** Gives a version to the readers, `from` the one that they are on. Throws `CONFIG` when there is none. */
  async switchTo(projection: string, version: number, from?: LiveVersion): Promise<boolean> {
    let made = true
    await this.#change(projection, (view) => {
      const row = versionRow(view, version)
      if (row === undefined || isLeaving(row))
        throw new TailraceError(
          'CONFIG',
          `expected a version of projection "${projection}" that exists, got ${version}; build it first`,
        )
      made = from === undefined || (liveOf(view) ?? 'none') === from
      return made ? [{ ...nothing, kind: 'live', key: projection, position: BigInt(version) }] : []
    })
    return made
  }

  /**
   * Begins to drop a version: from then on readers cannot be switched to it, and it is listed until `remove`. False when
   * there is none. Throws `CONFIG` for the version that is read.
   */
  async leave(projection: string, version: number): Promise<boolean> {
    let found = false
    await this.#change(projection, (view) => {
      if (liveOf(view) === version)
        throw new TailraceError(
          'CONFIG',
          `expected a version of projection "${projection}" that no query reads, got the live version ${version}; switch readers to another one first`,
        )
      const row = versionRow(view, version)
      found = row !== undefined
      if (row === undefined || isLeaving(row)) return []
      const { key, number, body } = row
      return [{ ...nothing, kind: 'version', key, number, body, position: leaving }]
    })
    return found
  }

  /** Forgets a version whose tables are gone. One that was made anew meanwhile stays. */
  remove(projection: string, version: number): Promise<void> {
    return this.#change(projection, (view) => {
      if (!isLeaving(versionRow(view, version))) return []
      return [{ ...nothing, kind: 'version', key: projection, number: BigInt(version), gone: true }]
    })
  }

  async #read(projection: string): Promise<StateView> {
    this.#created ??= this.#log.create().catch((error: unknown) => {
      this.#created = undefined
      throw error
    })
    await this.#created
    return this.#log.read('key = {projection:String}', { projection })
  }

  async #change(projection: string, decide: (view: StateView) => StateRow[]): Promise<void> {
    for (let races = 0; races < racesMax; races++) {
      const view = await this.#read(projection)
      const rows = decide(view)
      if (rows.length === 0 || (await this.#log.append(view.seq, rows))) return
    }
    throw new TailraceError(
      'UNAVAILABLE',
      `expected the catalog to take a change of projection "${projection}", got ${racesMax} others at the same time`,
      { retryable: true },
    )
  }
}

/** In the place of a version's position, which has no other meaning. */
const leaving = 1n

function isLeaving(row: StateRow | undefined): boolean {
  return row?.position === leaving
}

function liveOf({ rows }: StateView): number | undefined {
  const live = rows.find(({ kind }) => kind === 'live')
  return live === undefined ? undefined : Number(live.position)
}

function versionRow({ rows }: StateView, version: number) {
  return rows.find(({ kind, number }) => kind === 'version' && number === BigInt(version))
}
