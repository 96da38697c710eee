// React bindings: views, commands, and how fresh what is shown is.
export { useQuery } from './react/use-query.ts'
export { useCommand, type CommandState } from './react/use-command.ts'
export { useLag } from './react/use-lag.ts'
export {
  Freshness,
  freshnessWord,
  type FreshnessProps,
  type FreshnessWord,
} from './react/freshness.ts'
