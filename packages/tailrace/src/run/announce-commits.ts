import type { WriteStore } from '../ports/write-store.ts'

/**
 * The same store, telling of each commit after it: the hint that wakes the sequencer. Never part of the transaction, and
 * nothing is lost with it: the sequencer also looks by itself.
 */
export function announceCommits(store: WriteStore, committed: () => void): WriteStore {
  return {
    load: (aggregates, commandIds) => store.load(aggregates, commandIds),
    async commit(batch) {
      const done = await store.commit(batch)
      committed()
      return done
    },
    async commitEach(batches) {
      const done = await store.commitEach(batches)
      committed()
      return done
    },
    async transaction(body) {
      const done = await store.transaction(body)
      if (done.committed !== undefined) committed()
      return done
    },
    now: () => store.now(),
  }
}
