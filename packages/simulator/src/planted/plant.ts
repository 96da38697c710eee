import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { plantedBugs } from './all-bugs.ts'
import type { PlantedBug } from './planted-bug.ts'

const root = new URL('../../../../', import.meta.url)

/** From now on, what is loaded has the bug in it. Throws when the edit does not fit its file. */
export function plant(id: string): void {
  const bug = plantedBugs.find((one) => one.id === id)
  if (bug === undefined) throw new Error(`expected the name of a planted bug, got "${id}"`)
  const url = new URL(bug.file, root).href
  const source = withBug(bug)
  registerHooks({
    load: (asked, context, nextLoad) => {
      const loaded = nextLoad(asked, context)
      return asked === url ? { ...loaded, source } : loaded
    },
  })
}

/** The file as it is with the bug. Throws when what it replaces is not there exactly once. */
export function withBug({ id, file, find, replace }: PlantedBug): string {
  const text = readFileSync(fileURLToPath(new URL(file, root)), 'utf8')
  const parts = text.split(find)
  if (parts.length !== 2)
    throw new Error(
      `expected what the bug "${id}" replaces to be in ${file} once, got ${parts.length - 1} times`,
    )
  return parts.join(replace)
}
