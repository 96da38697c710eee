import type { PlantedBug } from './planted-bug.ts'

export const readBugs: readonly PlantedBug[] = []
