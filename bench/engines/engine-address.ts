import { engineVariable, type EngineName } from '../../scripts/engines/engine-names.ts'
import { readState } from '../../scripts/engines/engine-state.ts'

/** The address of an engine: the one that its variable names, else of the one that `npm run engines` started. */
export function engineAddress(name: EngineName): string {
  const url = process.env[engineVariable(name)] ?? readState(name)?.url
  if (url !== undefined) return url
  throw new Error(
    `expected a running ${name} for this goal, got none; npm run engines -- up ${name}, or set ${engineVariable(name)}`,
  )
}
