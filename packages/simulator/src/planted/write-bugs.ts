import type { PlantedBug } from './planted-bug.ts'

export const writeBugs: readonly PlantedBug[] = []
