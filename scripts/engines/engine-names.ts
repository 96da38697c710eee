/** The engines that can be run here. `kafka` is one node; `kafka3` is three, with replication factor 3. */
export const engineNames = [
  'redis',
  'clickhouse',
  'opensearch',
  'elasticsearch',
  'kafka',
  'kafka3',
] as const

export type EngineName = (typeof engineNames)[number]

export function isEngineName(name: string): name is EngineName {
  return (engineNames as readonly string[]).includes(name)
}

/** The variable that names an engine which runs elsewhere, such as `TAILRACE_ENGINE_REDIS`. */
export function engineVariable(name: EngineName): string {
  return `TAILRACE_ENGINE_${name.toUpperCase()}`
}
