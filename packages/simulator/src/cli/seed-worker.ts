import { plant } from '../planted/plant.ts'
import type { ParentMessage, WorkerMessage } from './worker-messages.ts'

// Runs seeds in a process of its own, as the parent says. With a bug planted, if its name is the argument: the engine is
// loaded only after that.

const bug = process.argv[2]
if (bug !== undefined) plant(bug)

const { runSeed } = await import('../world/run-seed.ts')
const { reportOf } = await import('./seed-report.ts')
const { shrink } = await import('./shrink.ts')
const { readableHistory } = await import('./readable-history.ts')

function tell(message: WorkerMessage): void {
  process.send!(message)
}

process.on('message', (message: ParentMessage) => {
  void (async () => {
    if (message.kind === 'shrink') {
      const history = readableHistory(await shrink(message.seed, message.runsMax))
      tell({ kind: 'shrunk', seed: message.seed, history })
      return
    }
    for (const seed of message.seeds) {
      tell({ kind: 'seed', report: reportOf(await runSeed(seed)) })
    }
    tell({ kind: 'idle' })
  })()
})
process.on('disconnect', () => process.exit(0))
tell({ kind: 'idle' })
