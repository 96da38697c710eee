import type { PlantedBug } from './planted-bug.ts'

/** Bugs that an adapter may have: the guarantees of the simulated servers, broken one by one. */
export const adapterBugs: readonly PlantedBug[] = [
  {
    id: 'a reader of the highest id',
    invariant: 'I2',
    file: 'packages/simulator/src/server/sequencer.ts',
    find: 'row.id > afterId && !sees(lo, row.xid) && sees(hi, row.xid)',
    replace:
      'row.id > afterId && sees(hi, row.xid) && row.id > Math.max(0, ...database.state.positions.keys())',
  },
  {
    id: 'a window by transaction id',
    invariant: 'I5',
    file: 'packages/simulator/src/server/sequencer.ts',
    find: '.toSorted((a, b) => a.id - b.id)',
    replace: '.toSorted((a, b) => a.xid - b.xid || a.id - b.id)',
  },
  {
    id: 'two sequencers go on from one place',
    invariant: 'I7',
    file: 'packages/simulator/src/server/sequencer.ts',
    find: 'return database.state.steps.at(-1)!.previous >= previous',
    replace: 'return database.state.steps.length < 0 && previous < 0n',
  },
  {
    id: 'running transactions are taken for over',
    invariant: 'I2',
    file: 'packages/simulator/src/server/database.ts',
    find: 'running: [...this.#running.keys()] }',
    replace: 'running: [] }',
  },
  {
    id: 'the version guard is not looked at',
    invariant: 'I5',
    file: 'packages/simulator/src/server/row-versions.ts',
    find: "    guard !== undefined &&\n    root['version'] === guard.expected &&\n    (guard.stamp === undefined || guard.stamp === stamp)\n",
    replace: "    guard !== undefined && root['version'] !== stamp\n",
  },
  {
    id: 'the version guard is not looked at again after a wait',
    invariant: 'I5',
    file: 'packages/simulator/src/server/row-versions.ts',
    find: '  return isGuarded(now, guard)\n',
    replace: '  return true\n',
  },
  {
    id: 'a command id is not unique',
    invariant: 'I4',
    file: 'packages/simulator/src/server/write-statement.ts',
    find: '    if (transaction.hasRecord(database.state, command.commandId))',
    replace: "    if (command.commandId === '')",
  },
  {
    id: 'the key of a root is not unique',
    invariant: 'I5',
    file: 'packages/simulator/src/server/write-statement.ts',
    find: '      const exists = () => transaction.aggregate(database.state, key) !== undefined',
    replace: "      const exists = () => key === ''",
  },
  {
    id: 'an entry that failed leaves its rows',
    invariant: 'I1',
    file: 'packages/simulator/src/server/write-statement.ts',
    find: '    transaction.changes = before\n',
    replace: '',
  },
  {
    id: 'a checkpoint may be moved from anywhere',
    invariant: 'I9',
    file: 'packages/simulator/src/stores/store-state.ts',
    find: '  if (found.position !== from) return `position ${found.position}`\n',
    replace: '',
  },
  {
    id: 'the checkpoint is written before the data',
    invariant: 'I10',
    file: 'packages/simulator/src/stores/projection-store.ts',
    find: '  for (const piece of store.random.shuffled(pieces)) {',
    replace:
      '  for (const move of batch.moves) makeMove(state, move, history, store.nowMs())\n  batch = { ...batch, moves: [] }\n  for (const piece of store.random.shuffled(pieces)) {',
  },
  {
    id: 'an older document overwrites a newer one',
    invariant: 'I9',
    file: 'packages/simulator/src/stores/projection-store.ts',
    find: '  if (versioned && stored !== undefined && stored.position >= position) return\n',
    replace: '',
  },
  {
    id: 'a follower joins a key that is free',
    invariant: 'I6',
    file: 'packages/simulator/src/stores/store-state.ts',
    find: '  return failure === undefined && !parked.has(key)',
    replace: "  return failure === undefined && parked.has('')",
  },
  {
    id: 'a load that was overtaken goes on',
    invariant: 'I22',
    file: 'packages/simulator/src/stores/projection-store.ts',
    find: '  if (loader === own) return\n',
    replace: '  if (loader !== undefined) return\n',
  },
  {
    id: 'fences begin anew after a restore',
    invariant: 'I20',
    file: 'packages/simulator/src/server/leases.ts',
    find: '(epochs.at(-1)?.epoch ?? 1) - 1',
    replace: '0',
  },
  {
    id: 'a group that failed leaves its rows',
    invariant: 'I6',
    file: 'packages/simulator/src/stores/sql-groups.ts',
    find: '      written.clear()\n',
    replace: '',
  },
]
