/** A test by its file and its name, or the end of its name where it is made for several cases. */
export interface NamedTest {
  readonly file: string
  readonly name: string
}

export interface Guarantee {
  readonly promise: string
  /** Under which conditions it holds. */
  readonly provided: string
  readonly tests: readonly NamedTest[]
  /** Invariants of the simulator whose planted bugs break it. */
  readonly invariants: readonly string[]
}

const stress: NamedTest = {
  file: 'packages/postgres/src/log/reader-stress.test.ts',
  name: 'under concurrent writers, simpler readers lose or swap events and the sequenced log does neither',
}
const worlds: NamedTest = {
  file: 'packages/simulator/src/simulation.test.ts',
  name: 'nothing that must never be happens in three hundred worlds, and each comes to rest',
}
const pausedProcess: NamedTest = {
  file: 'test/chaos/paused-worker.test.ts',
  name: 'two workers on the same slots, one stopped past its lease and continued: every count is exact',
}
const readYourWrites = 'packages/tailrace/src/read/read-your-writes.test.ts'
const queryRunner = 'packages/tailrace/src/read/query-runner.test.ts'
const executorModel: NamedTest = {
  file: 'packages/tailrace/src/write/executor-model.test.ts',
  name: 'every acknowledged command happens exactly once, and rows are the fold of the log, whatever fails',
}

/** Each promise of the product. */
export const promises: readonly Guarantee[] = [
  {
    promise: 'A command’s rows, its events and its record commit together or not at all.',
    provided: '`synchronous_commit` is not `off`; checked when the sequencer starts.',
    tests: [
      {
        file: 'packages/postgres/src/write/write-store-executor.test.ts',
        name: 'commits a command: rows, event, record and timer, in one transaction',
      },
      executorModel,
    ],
    invariants: ['I1', 'I3'],
  },
  {
    promise: 'An acknowledged command is never lost, and the same key never has two effects.',
    provided:
      'The caller repeats a command of unknown outcome under the same key; records are kept for as long as keys may be repeated.',
    tests: [
      executorModel,
      {
        file: 'packages/postgres/src/write/lost-connection.test.ts',
        name: 'finds out by the record that a command whose answer was lost did happen, and does not run it again',
      },
      {
        file: 'packages/postgres/src/write/write-store-executor.test.ts',
        name: 'gives the stored answer to a repeated key, also from another process and at the same time',
      },
    ],
    invariants: ['I2', 'I4'],
  },
  {
    promise: 'Versions of an aggregate have no gap, no fork and one author each.',
    provided: 'Only commands write the tables of an aggregate.',
    tests: [
      {
        file: 'packages/postgres/src/write/write-store-executor.test.ts',
        name: 'keeps versions without gap or fork while two processes fight over the same aggregates',
      },
    ],
    invariants: ['I5'],
  },
  {
    promise: 'No reader of the log skips an event or sees the events of an aggregate out of order.',
    provided:
      'It reads by position; positions are given once, in an order that no later commit can come before.',
    tests: [stress, worlds],
    invariants: ['I6', 'I7'],
  },
  {
    promise:
      'Every read model comes to the clean fold of the log, whatever stopped, repeated itself or came late.',
    provided:
      'Folds are pure: the same events give the same document. `verifyProjection` finds those that are not.',
    tests: [
      {
        file: 'packages/conformance/src/verify/verify-projection.test.ts',
        name: 'a fold on PostgreSQL comes to the same read model however its events arrive',
      },
      worlds,
    ],
    invariants: ['I8', 'I19', 'I20', 'I21'],
  },
  {
    promise:
      'A worker that was overtaken changes nothing, and a checkpoint never stands ahead of its data.',
    provided: 'The store has one of the three guarantees, shown by its conformance suite.',
    tests: [
      pausedProcess,
      {
        file: 'packages/conformance/src/verify/verify-projection.test.ts',
        name: 'moves the checkpoint before the data, and fails in between',
      },
    ],
    invariants: ['I9', 'I10'],
  },
  {
    promise: 'Whoever carries the token of a write never gets an older answer without being told.',
    provided: 'The token is passed on; the client does it by itself.',
    tests: [
      { file: readYourWrites, name: 'sees every write of its own, at the version that it wrote' },
      {
        file: 'packages/client/src/real-engine.test.ts',
        name: 'a client sees its own write in every read model at once, also when it writes many at the same time',
      },
    ],
    invariants: ['I13'],
  },
  {
    promise: 'A reader that carries the token of its last answer never goes back in time.',
    provided: 'The token is passed on; the client does it by itself.',
    tests: [{ file: readYourWrites, name: 'a reader that carries its last token never goes back' }],
    invariants: ['I14'],
  },
  {
    promise: 'An answer never claims to be fresher than its data.',
    provided:
      'Always, also while the log cannot be reached: the answer then says how old it may be.',
    tests: [
      {
        file: queryRunner,
        name: 'the position claimed was known before the query read: never newer than its data',
      },
      {
        file: 'packages/tailrace/src/read/write-database-gone.test.ts',
        name: 'queries answer without the write database, say that they are stale, and recover with it',
      },
    ],
    invariants: ['I17'],
  },
  {
    promise: 'A question that waits ends at its deadline: fresh, marked as stale, or refused.',
    provided: 'At most 5 s, and at most as many waiters as the process allows.',
    tests: [
      {
        file: queryRunner,
        name: 'a token that is not reached in time gives a stale answer, after the wait and no later',
      },
      {
        file: 'packages/tailrace/src/read/waiters.test.ts',
        name: 'more waiters than the bound are refused at once, and accepted again when some have ended',
      },
    ],
    invariants: ['I18'],
  },
  {
    promise:
      'A new version of a read model loses no event that comes while it is built, and readers switch in one step.',
    provided:
      'The new version has another number; the old one stays until it is dropped, so the switch can be taken back.',
    tests: [
      {
        file: 'packages/tailrace/src/project/rebuild.test.ts',
        name: 'a new version is built beside the live one, catches up, and is given to readers; a rollback is one step',
      },
    ],
    invariants: ['I22'],
  },
  {
    promise:
      'An event that cannot be handled holds back its own key and nothing else, and answers that touch the key say so.',
    provided: 'The projection’s scope is a stream, or its keys are told without an error.',
    tests: [
      {
        file: queryRunner,
        name: 'an answer that touches a parked key says so, and names no other key',
      },
    ],
    invariants: ['I23'],
  },
  {
    promise:
      'A scheduled command has one effect, not before its time, and none after it was cancelled.',
    provided: 'Time is the write database’s.',
    tests: [
      {
        file: 'packages/postgres/src/log/scheduled-commands.test.ts',
        name: 'against a cancelling command, exactly one of the two takes place, and no timer is left',
      },
      {
        file: 'packages/postgres/src/log/scheduled-commands.test.ts',
        name: 'a process that is gone before it hears of its command has had one effect, and leaves no timer',
      },
      {
        file: 'packages/tailrace/src/write/executor-batches.test.ts',
        name: 'a command that a timer issued has an effect only while that is set, and removes it',
      },
    ],
    invariants: ['I3', 'I4', 'I11'],
  },
  {
    promise: 'Queries need nothing of the write database.',
    provided:
      'Their read models are elsewhere; how fresh they are is then told from what was last known.',
    tests: [
      {
        file: 'packages/tailrace/src/read/write-database-gone.test.ts',
        name: 'queries answer without the write database, say that they are stale, and recover with it',
      },
    ],
    invariants: [],
  },
  {
    promise: 'Memory, queues, retries and waits are bounded.',
    provided: 'Each bound has a default and a name in the settings of its part.',
    tests: [
      {
        file: 'packages/tailrace/src/write/executor-batches.test.ts',
        name: 'refuses what exceeds the queue',
      },
      {
        file: 'packages/tailrace/src/read/freshness.test.ts',
        name: 'a hung log is asked a bounded number of times',
      },
    ],
    invariants: ['I26'],
  },
]
