import type { Focus } from '../world/focus.ts'
import { SeedList } from './seed-list.ts'
import { addCounts, type SeedReport } from './seed-report.ts'
import { WorkerProcess } from './worker-process.ts'

export interface SeedsSummary {
  readonly seeds: number
  readonly failed: readonly number[]
  readonly failures: readonly SeedReport[]
  readonly faults: Readonly<Record<string, number>>
  readonly marks: Readonly<Record<string, number>>
  readonly steps: number
  readonly commands: number
  readonly queries: number
  /** Readable histories of the first failing seeds. */
  readonly histories: readonly string[]
}

export interface RunSeedsOptions {
  readonly from: number
  readonly to: number
  /** Only seeds whose worlds are about this. Default: all. */
  readonly focus?: Focus | undefined
  readonly processes: number
  /** So many failing seeds are reduced to what is needed for their failure. */
  readonly explained: number
  readonly onProgress: (done: number, failed: number) => void
  /** Told of each failing seed at once. */
  readonly onFailure: (report: SeedReport) => void
}

const chunk = 20
const silentMs = 120_000
const shrinkRuns = 150

/** Runs a range of seeds in several processes. */
export async function runSeeds(options: RunSeedsOptions): Promise<SeedsSummary> {
  const reports: SeedReport[] = []
  const histories: string[] = []
  const list = new SeedList(options, options.focus)
  let explaining: number[] | undefined
  const failures: SeedReport[] = []
  const count = (report: SeedReport): void => {
    reports.push(report)
    if (report.failure === undefined) return
    failures.push(report)
    options.onFailure(report)
  }
  const worker = (): Promise<void> =>
    new Promise((resolve) => {
      /** What the process has been given and has not told of. */
      let running: readonly number[] = []
      const process = new WorkerProcess({
        silentMs,
        onMessage(message) {
          if (message.kind === 'seed') {
            running = running.slice(1)
            count(message.report)
            options.onProgress(reports.length, failures.length)
          } else if (message.kind === 'shrunk') {
            histories.push(message.history)
            process.kill()
          } else if ((running = list.take(chunk)).length > 0) {
            process.send({ kind: 'run', seeds: running })
          } else if (explaining !== undefined && explaining.length > 0) {
            process.send({ kind: 'shrink', seed: explaining.shift()!, runsMax: shrinkRuns })
          } else process.kill()
        },
        onEnd(reason) {
          const [seed] = running
          if (explaining === undefined && seed !== undefined) count(endedReport(seed, reason))
          resolve()
        },
      })
    })
  await Promise.all(Array.from({ length: options.processes }, worker))
  const failed = failures.toSorted((a, b) => a.seed - b.seed)
  explaining = failed.slice(0, options.explained).map(({ seed }) => seed)
  await Promise.all(explaining.map(worker))
  return summaryOf(reports, failed, histories)
}

function endedReport(seed: number, reason: string): SeedReport {
  const nothing = { hash: '', steps: 0, virtualMs: 0, commands: 0, queries: 0 }
  return { seed, failure: `broken: ${reason}`, ...nothing, faults: {}, marks: {} }
}

function summaryOf(
  reports: readonly SeedReport[],
  failures: readonly SeedReport[],
  histories: readonly string[],
): SeedsSummary {
  const faults: Record<string, number> = {}
  const marks: Record<string, number> = {}
  const sum = { steps: 0, commands: 0, queries: 0 }
  for (const report of reports) {
    addCounts(faults, report.faults)
    addCounts(marks, report.marks)
    sum.steps += report.steps
    sum.commands += report.commands
    sum.queries += report.queries
  }
  return {
    seeds: reports.length,
    failed: failures.map(({ seed }) => seed),
    failures,
    faults,
    marks,
    ...sum,
    histories,
  }
}
