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

interface Lock {
  holder: LockHolder
  readonly waiters: { readonly holder: LockHolder; readonly grant: () => void }[]
}

/** Row locks and unique keys: the second one waits until the first transaction is over, and then looks again. */
export class RowLocks {
  readonly #locks = new Map<string, Lock>()

  isFree(key: string, holder: LockHolder): boolean {
    const lock = this.#locks.get(key)
    return lock === undefined || lock.holder === holder
  }

  /** Takes a lock; undefined when there was nothing to wait for. Rejects with `Deadlock`, or when the wait is abandoned. */
  take(holder: LockHolder, key: string): Promise<void> | undefined {
    const lock = this.#locks.get(key)
    if (lock === undefined) {
      this.#locks.set(key, { holder, waiters: [] })
      holder.locks.add(key)
      return undefined
    }
    if (lock.holder === holder) return undefined
    if (this.#wouldDeadlock(holder, lock.holder))
      return Promise.reject(new Deadlock('deadlock detected'))
    return this.#wait(holder, key, lock)
  }

  #wait(holder: LockHolder, key: string, lock: Lock): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter = {
        holder,
        grant: () => {
          holder.waitsFor = undefined
          holder.abandon = undefined
          holder.locks.add(key)
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
        lock.holder = next.holder
        next.grant()
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
