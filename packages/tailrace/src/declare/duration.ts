import { TailraceError } from '../errors.ts'

/** A length of time as text: `'200ms'`, `'2s'`, `'5m'`, `'1h'`, `'7d'`. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Milliseconds of a duration. Throws `CONFIG` when it cannot be read. */
export function durationMs(duration: Duration | number): number {
  if (typeof duration === 'number') return duration
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration)
  if (match === null)
    throw new TailraceError(
      'CONFIG',
      `expected a duration such as "500ms" or "2s", got "${duration}"`,
    )
  return Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
}
