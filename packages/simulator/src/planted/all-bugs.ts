import type { PlantedBug } from './planted-bug.ts'
import { writeBugs } from './write-bugs.ts'
import { logBugs } from './log-bugs.ts'
import { busBugs } from './bus-bugs.ts'
import { projectBugs } from './project-bugs.ts'
import { readBugs } from './read-bugs.ts'
import { adapterBugs } from './adapter-bugs.ts'

/** Every planted bug, in the order of the flow. */
export const plantedBugs: readonly PlantedBug[] = [
  ...writeBugs,
  ...logBugs,
  ...busBugs,
  ...projectBugs,
  ...readBugs,
  ...adapterBugs,
]
