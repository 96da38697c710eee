import type { SeedReport } from './seed-report.ts'

export type ParentMessage =
  | { readonly kind: 'run'; readonly seeds: readonly number[] }
  | { readonly kind: 'shrink'; readonly seed: number; readonly runsMax: number }

export type WorkerMessage =
  | { readonly kind: 'idle' }
  | { readonly kind: 'seed'; readonly report: SeedReport }
  | { readonly kind: 'shrunk'; readonly seed: number; readonly history: string }
