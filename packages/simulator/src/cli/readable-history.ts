import { failureOf } from './seed-report.ts'
import type { Shrunk } from './shrink.ts'

const linesMax = 400

/** A failing seed for people: what went wrong, what happened, and how to see it again. */
export function readableHistory({ result, leftOut, runs }: Shrunk): string {
  const { seed, lines, faults, virtualMs, steps } = result
  const shown = lines.slice(-linesMax)
  const body = shown.map(
    ({ atMs, who, text }) => `${atMs.toFixed(2).padStart(9)}  ${who.padEnd(10)} ${text}`,
  )
  const hidden = lines.length - shown.length
  return [
    `seed ${seed}: ${failureOf(result) ?? 'passed'}`,
    `${faults.length} faults are needed (${leftOut.size} left out in ${runs} runs), ${steps} steps, ${virtualMs.toFixed(0)} ms of virtual time`,
    ...(hidden > 0 ? [`… ${hidden} earlier lines`] : []),
    ...body,
    `again: npm run sim -- --seeds ${seed}..${seed}`,
  ].join('\n')
}
