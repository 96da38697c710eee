import type { Deviation } from './compare.ts'

/** Simulated servers that are not like the real one: each must be found out. */
export const deviations: Readonly<Record<string, Deviation>> = {
  'a transaction has its id from its beginning': (database) => {
    const begin = database.begin.bind(database)
    database.begin = (isolation) => {
      const transaction = begin(isolation)
      database.giveId(transaction)
      return transaction
    }
  },
  'a unique key is not waited for': (database) => {
    const lock = database.lock.bind(database)
    database.lock = async (transaction, key, what, hears) => {
      if (!key.startsWith('key ')) await lock(transaction, key, what, hears)
    }
  },
  'a row that others only lock is not waited for': (database) => {
    const { locks } = database
    const take = locks.take.bind(locks)
    locks.take = (holder, key, what, hears) =>
      key.startsWith('row ') && !locks.isChanging(key) && what === 'lock'
        ? undefined
        : take(holder, key, what, hears)
  },
  'every statement of a transaction has a snapshot of its own': (database) => {
    const begin = database.begin.bind(database)
    database.begin = () => begin('read committed')
  },
  'a snapshot does not list who is running': (database) => {
    const snapshot = database.snapshot.bind(database)
    database.snapshot = () => ({ ...snapshot(), running: [] })
  },
  'a rollback to a savepoint keeps its locks': (database) => {
    const { locks } = database
    const release = locks.release.bind(locks)
    locks.release = (holder, keys) => {
      if ('state' in holder && holder.state !== 'open') release(holder, keys)
    }
  },
  'an ended connection keeps its transaction': (database) => {
    database.rollback = () => undefined
  },
}
