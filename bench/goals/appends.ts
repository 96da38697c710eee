import { randomUUID } from 'node:crypto'
import { emmettVersion, openEmmett } from '../engines/emmett.ts'
import type { Lab } from '../engines/lab.ts'
import type { Goal, PreparedGoal } from '../harness/goal.ts'
import { measuredLoop } from '../harness/measured-window.ts'
import { noteData } from '../workloads/small-app.ts'
import { sendAccepted, startSmallApp, type SmallAppOptions } from '../workloads/start-small-app.ts'

const callers = 32

const common = {
  unit: 'appends/s',
  sense: 'at-least',
  ceilingName: `Emmett ${emmettVersion}, ${callers} callers`,
} as const

/** A command that appends one event to a new stream, beside Emmett appending the same event to a new stream. */
export const appends: readonly Goal[] = [
  {
    ...common,
    id: 'P4.single',
    name: `append one event, one transaction each, ${callers} callers`,
    target: 2.5,
    prepare: (lab) =>
      prepare(lab, {
        commandConnections: callers,
        executor: { batchMax: 1, batchesMax: callers },
      }),
  },
  {
    ...common,
    id: 'P4.coalesced',
    name: `append one event, coalesced, ${callers} callers`,
    target: 8,
    prepare: (lab) => prepare(lab, {}),
  },
]

async function prepare(lab: Lab, options: SmallAppOptions): Promise<PreparedGoal> {
  const other = await lab.database('write')
  const emmett = await openEmmett(lab.root, other.url, callers)
  // It makes its tables at the first append.
  await emmett.append(`note-${randomUUID()}`, noteData)
  const { running } = await startSmallApp(lab, options)
  const loop = (call: () => Promise<unknown>) =>
    measuredLoop(lab.serverPids(), callers, lab.seconds, call)
  return {
    product: () =>
      loop(() => sendAccepted(running, 'write', { noteId: randomUUID(), data: noteData })),
    ceiling: () => loop(() => emmett.append(`note-${randomUUID()}`, noteData)),
    async close() {
      await running.stop()
      await emmett.close()
    },
  }
}
