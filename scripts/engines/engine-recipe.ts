import type { EngineName } from './engine-names.ts'
import type { EngineState } from './engine-state.ts'

/** How one engine comes to run here. */
export interface EngineRecipe {
  readonly name: EngineName
  /** The first port that is tried, and how many in a row it needs. Below 32768, where ports for clients begin. */
  readonly port: number
  readonly ports: number
  /** Whether everything is in the cache already. */
  cached(): boolean | Promise<boolean>
  /** Gets the programs, once, into the cache. Throws an error that says what cannot be had. */
  install(say: Say): Promise<Installed>
  /**
   * Writes what the engine needs into its folder and says how it is started. Called before each start; data that is there
   * stays.
   */
  configure(installed: Installed, folder: string, port: number): Promise<EngineSetup>
}

export interface Installed {
  readonly version: string
  /** Where its programs are. */
  readonly folder: string
}

export type EngineSetup = Omit<EngineState, 'name' | 'version'>

/** Hears one line per step that takes time. */
export type Say = (line: string) => void
