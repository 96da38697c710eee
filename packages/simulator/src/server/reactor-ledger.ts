import { TailraceError, type ReactorLedger } from 'tailrace/adapter'
import type { Process } from '../kernel/process.ts'
import { asking } from './asking.ts'
import type { Database } from './database.ts'

/** What reactors have handled. */
export function simReactorLedger(database: Database, process: Process): ReactorLedger {
  const ask = asking(database, process)
  return {
    checkpoint: (reactor, range) =>
      ask('reactor checkpoint', () => {
        const { reactorCheckpoints, steps } = database.state
        const key = `${reactor} ${range}`
        const found = reactorCheckpoints.get(key)
        if (found !== undefined) return found.position
        const { position } = steps.at(-1)!
        reactorCheckpoints.set(key, { position, fence: 0n })
        database.state.reactorStarts.set(range, position)
        return position
      }),
    advance: (reactor, range, { fence, from, to, handled }) =>
      ask('reactor advance', () => {
        const { reactorCheckpoints, ledger } = database.state
        const key = `${reactor} ${range}`
        const found = reactorCheckpoints.get(key)
        const stands = found !== undefined && (found.position === from || found.position === to)
        const noted = handled.every((id) => ledger.has(`${reactor} ${id}`))
        if (!stands || !noted || found.fence > fence)
          throw new TailraceError('PROJECTION_FENCED', `expected ${from}, got another checkpoint`)
        reactorCheckpoints.set(key, { position: to, fence })
      }),
    handled: (reactor, eventIds) =>
      ask(
        'reactor handled',
        () => new Set(eventIds.filter((id) => database.state.ledger.has(`${reactor} ${id}`))),
      ),
    record: (reactor, eventId, entry) =>
      ask('reactor record', () => {
        const { ledger, records } = database.state
        const {
          error,
          commandIds,
          repeat = 0,
        } = {
          error: undefined,
          commandIds: [],
          repeat: 0,
          ...entry,
        }
        if (!commandIds.every((id) => records.has(id))) {
          database.simulation.marks.sometimes(
            'a reactor handled an event whose command a restore has lost',
          )
          return false
        }
        const key = `${reactor} ${eventId}`
        const { marks } = database.simulation
        const found = ledger.get(key)
        const { outcome } = entry
        const repeats = found?.repeats ?? 0
        if (found?.outcome === 'done') return true
        if (outcome === 'failed') {
          if (found?.outcome === 'skipped' || repeats !== repeat) return true
          marks.sometimes('a reactor gives an event up')
        } else if (repeats > 0) marks.sometimes('an event that was given up is handled after all')
        ledger.set(key, { outcome, error, atMs: database.nowMs(), repeats })
        return true
      }),
  }
}
