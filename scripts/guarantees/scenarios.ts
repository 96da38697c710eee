import type { NamedTest } from './promises.ts'

export interface Scenario {
  /** Its name says what happens and what comes of it. */
  readonly test: NamedTest
  /** The same done in the way that is written first, in the same file; absent where both are one test. */
  readonly naive?: string
}

const at = (file: string, name: string): NamedTest => ({ file: `test/scenarios/${file}`, name })

/** What is made to happen in test/scenarios, each beside the way that fails. */
export const scenarios: readonly Scenario[] = [
  {
    test: at(
      'two-creates.test.ts',
      'of two that create the same thing at once, exactly one wins and the other is told',
    ),
    naive: 'looking first and then appending lets both win',
  },
  {
    test: at(
      'half-done.test.ts',
      'a command on two aggregates that breaks halfway leaves nothing anywhere',
    ),
    naive: 'two appends that share no transaction leave the first one',
  },
  {
    test: at(
      'fifty-on-one-pool.test.ts',
      'fifty commands at once on one pool: each is in its own transaction, with its own outcome',
    ),
    naive: 'fifty that share a connection commit what others took back',
  },
  {
    test: at(
      'order-of-commits.test.ts',
      'an event that commits late is at no place of no page passed over, and none comes twice',
    ),
  },
  {
    test: at(
      'paused-worker.test.ts',
      'a worker that stood still past its lease and goes on counts nothing a second time',
    ),
    naive: 'a lock that is only a time lets two add the same event',
  },
  {
    test: at(
      'poison-event.test.ts',
      'an event that cannot be handled stops its own key alone, is seen, and is handled again when the code is mended',
    ),
    naive: 'a loop that ends with the first error applies nothing behind it',
  },
  {
    test: at(
      'rebuild-under-load.test.ts',
      'a read model is built anew while commands come, readers are switched to it, and it differs in nothing',
    ),
    naive: 'a copy of what is there, put in the place of the old one, lacks what came meanwhile',
  },
  {
    test: at(
      'killed-after-commit.test.ts',
      'what was committed by a process that was killed before it could tell anyone has its effect, once',
    ),
    naive: 'what is published after the commit by the process itself is lost with it',
  },
  {
    test: at(
      'second-replica.test.ts',
      'replicas of a consumer that come and go keep the order of each aggregate',
    ),
    naive: 'competing consumers of a queue apply the second event of an aggregate before its first',
  },
  {
    test: at(
      'never-older-than-token.test.ts',
      'an answer is never older than its token, or says that it is',
    ),
  },
  {
    test: at(
      'foreign-transaction.test.ts',
      'a long transaction of somebody else holds up nothing, and the status names it until it ends',
    ),
  },
  {
    test: at(
      'built-in-bulk.test.ts',
      'a read model of many events is built in a few transactions, not in one per event',
    ),
    naive: 'a projector that commits each event pays for each of them',
  },
  {
    test: at(
      'evolving-events.test.ts',
      'an event type that was renamed is said at the start, and keeps a new version of a read model from beginning without it',
    ),
  },
  {
    test: at(
      'evolving-events.test.ts',
      'two releases at once: the older one follows its version through events that it does not know, and readers get the newer one',
    ),
  },
]
