import type {
  ApplyBatch,
  EventLog,
  LogPage,
  LogRead,
  ProjectionStore,
  ReadStore,
  SqlBatch,
  SqlGroupFailure,
} from 'tailrace/adapter'
import { overriding } from '../overriding.ts'

/** What happens to a write. `lost-answer`: it was done, and the caller is told that it was not. */
export type WriteFault = 'none' | 'before' | 'lost-answer' | 'between'

/** Waits or fails around each write of a store; everything else goes through. */
export function faultyStore(
  store: ReadStore,
  around: (write: number) => WriteFault | Promise<WriteFault>,
): ReadStore {
  let writes = 0
  return overriding(store, {
    open: async (projection, history) => {
      const opened = await store.open(projection, history)
      const faulty = async <T>(
        moved: boolean,
        whole: () => Promise<T>,
        dataOnly: () => Promise<T>,
      ): Promise<T> => {
        const fault = moved ? await around(writes++) : 'none'
        if (fault === 'before') throw new Error('crash before the write')
        if (fault === 'between' && store.guarantee !== 'transactional') {
          await dataOnly()
          throw new Error('crash between the data and the checkpoint')
        }
        const result = await whole()
        if (fault === 'lost-answer' || fault === 'between') throw new Error('crash after the write')
        return result
      }
      return overriding<ProjectionStore>(opened, {
        apply: (batch: ApplyBatch) =>
          faulty(
            batch.moves.length > 0,
            () => opened.apply(batch),
            () => opened.apply({ ...batch, moves: [] }),
          ),
        applySql: (batch: SqlBatch) =>
          faulty<readonly SqlGroupFailure[]>(
            batch.moves.length > 0,
            () => opened.applySql(batch),
            () => opened.applySql({ ...batch, moves: [] }),
          ),
      })
    },
  })
}

/** A log that gives every event twice, and again what was read before: what at-least-once delivery may do. */
export function repeatingLog<Log extends EventLog>(log: Log, random: () => number): Log {
  return overriding<EventLog>(log, {
    read: async (options: LogRead): Promise<LogPage> => {
      const back = BigInt(Math.floor(random() * 20))
      const after = options.after > back ? options.after - back : 0n
      const page = await log.read({ ...options, after, limit: options.limit + Number(back) })
      return {
        through: page.through,
        events: page.events.flatMap((event) => (random() < 0.5 ? [event, event] : [event])),
      }
    },
  }) as Log
}
