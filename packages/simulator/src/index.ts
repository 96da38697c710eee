// Runs the engine in a simulated world: from a seed, bit by bit the same each time.
export { runSeed, type SeedOptions, type SeedResult, type Verdict } from './world/run-seed.ts'
export { swarmOf, type Swarm } from './world/swarm.ts'
export {
  checkCommands,
  type CommandEvidence,
  type RecordedCommand,
} from './checker/check-commands.ts'
export { checkLog } from './checker/check-log.ts'
export { checkReadModel, type Dump } from './checker/check-read-models.ts'
export { checkReads, type ReadEvidence } from './checker/check-reads.ts'
export { canonicalText } from './checker/canonical-text.ts'
export type * from './checker/history.ts'
