import type { PlantedBug } from './planted-bug.ts'

export const projectBugs: readonly PlantedBug[] = []
