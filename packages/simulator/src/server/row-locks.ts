/** Who holds locks: a transaction. */
export interface LockHolder {
  readonly locks: Set<string>
  /** Set while it waits: ends the wait with an error. */
  abandon: ((error: Error) => void) | undefined
  /** The lock that it waits for. */
  waitsFor: string | undefined
}

/** Two transactions wait for each other; this one is the victim. */
export class Deadlock extends Error {}

/** A row that is only locked stays as it is; another may be another one or gone after the commit, or there after a rollback. */
export type LockFor = 'lock' | 'change' | 'remove'

/** What a waiter wants to hear of, in the moment in which it happens. */
export interface Hears {
  /** The lock is its own. */
  granted?(): void
  /** Who held the lock has changed or removed the row, or not after all, and another waiter has the lock now. */
  passed?(how: LockFor): void
}

interface Waiter {
  readonly holder: LockHolder
  readonly what: LockFor
  readonly hears: Hears
  readonly grant: () => void
}

interface Lock {
  holder: LockHolder
  what: LockFor
  readonly waiters: Waiter[]
}

/** Row locks and unique keys: the second one waits until the first transaction is over, and then looks again. */
export class RowLocks {
  readonly #locks = new Map<string, Lock>()

  /** Whether the row behind it may be another one when the holder is over. */
  isChanging(key: string): boolean {
    return (this.#locks.get(key)?.what ?? 'lock') !== 'lock'
  }

  /** Who waits for it, the first that gets it first. */
  waiting(key: string): readonly LockHolder[] {
    return this.#locks.get(key)?.waiters.map(({ holder }) => holder) ?? []
  }

  /** Takes a lock; undefined when there was nothing to wait for. Rejects with `Deadlock`, or when the wait is abandoned. */
  take(
    holder: LockHolder,
    key: string,
    what: LockFor,
    hears: Hears = {},
  ): Promise<void> | undefined {
    const lock = this.#locks.get(key)
    if (lock === undefined) {
      this.#locks.set(key, { holder, what, waiters: [] })
      holder.locks.add(key)
      return undefined
    }
    if (lock.holder === holder) {
      if (what !== 'lock') lock.what = what
      return undefined
    }
    if (this.#wouldDeadlock(holder, lock.holder))
      return Promise.reject(new Deadlock('deadlock detected'))
    return this.#wait({ holder, what, hears }, key, lock)
  }

  #wait(asking: Omit<Waiter, 'grant'>, key: string, lock: Lock): Promise<void> {
    const { holder } = asking
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        ...asking,
        grant: () => {
          holder.waitsFor = undefined
          holder.abandon = undefined
          holder.locks.add(key)
          asking.hears.granted?.()
          resolve()
        },
      }
      holder.waitsFor = key
      holder.abandon = (error) => {
        holder.waitsFor = undefined
        holder.abandon = undefined
        lock.waiters.splice(lock.waiters.indexOf(waiter), 1)
        reject(error)
      }
      lock.waiters.push(waiter)
    })
  }

  /** Gives locks up; the first that waits for one gets it. */
  release(holder: LockHolder, keys: readonly string[]): void {
    for (const key of keys) {
      const lock = this.#locks.get(key)
      if (lock?.holder !== holder) continue
      holder.locks.delete(key)
      const next = lock.waiters.shift()
      if (next === undefined) this.#locks.delete(key)
      else {
        const how = lock.what
        lock.holder = next.holder
        lock.what = next.what
        next.grant()
        // One that hears of it may leave the queue.
        const others = lock.waiters.slice()
        if (how !== 'lock') for (const { hears } of others) hears.passed?.(how)
      }
    }
  }

  #wouldDeadlock(holder: LockHolder, other: LockHolder): boolean {
    for (let at: LockHolder | undefined = other; at !== undefined;) {
      if (at === holder) return true
      at = at.waitsFor === undefined ? undefined : this.#locks.get(at.waitsFor)?.holder
    }
    return false
  }
}
