import type { PlantedBug } from './planted-bug.ts'

export const logBugs: readonly PlantedBug[] = []
