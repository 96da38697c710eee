import { afterAll, beforeAll, expect, test } from 'vitest'
import { openEventLog } from '../../packages/postgres/src/log/postgres-event-log.ts'
import { postgresSequencer } from '../../packages/postgres/src/log/postgres-sequencer.ts'
import { systemClock, type ActiveSequencer, type EventLog } from 'tailrace/adapter'
import { append, freshLog, type TestLog } from '../support/event-log.ts'

// A transaction takes its ids early and commits late, while others commit between. Whoever remembers the last id passes it
// over. Here it does so at every place of a page, for pages of every size: what random runs meet by chance
// (packages/postgres/src/log/reader-stress.test.ts, npm run sim) is met here one by one.

let write: TestLog
let log: EventLog
let sequencer: ActiveSequencer
beforeAll(async () => {
  write = await freshLog()
  log = await openEventLog({ pool: write.pool, clock: systemClock() })
  sequencer = (await postgresSequencer({ pool: write.pool }).acquire())!
})
afterAll(async () => {
  await sequencer.release()
  await write.drop()
})

const sizes = [1, 2, 3, 4]
const cases = sizes.flatMap((size) =>
  Array.from({ length: 2 * size + 1 }, (_, before) => ({ size, before })),
)

/** Reads on from where it was, page by page, and keeps what it saw. */
interface Reader {
  readonly seen: string[]
  read(): Promise<void>
}

async function ours(size: number): Promise<Reader> {
  let { cursor } = sequencer
  let after = cursor.position
  const seen: string[] = []
  return {
    seen,
    async read() {
      for (;;) {
        const step = await sequencer.step(cursor, size)
        ;({ cursor } = step)
        if (step.assigned === 0 && !step.more) break
      }
      for (;;) {
        const page = await log.read({ after, slots: [{ from: 0, to: 255 }], limit: size })
        seen.push(...page.events.map(({ stream }) => stream))
        if (page.through === after) return
        after = page.through
      }
    },
  }
}

async function naive(size: number): Promise<Reader> {
  let last: string = (
    await write.pool.query('select coalesce(max(id), 0) as id from tailrace.event_log')
  ).rows[0].id
  const seen: string[] = []
  return {
    seen,
    async read() {
      for (;;) {
        const { rows } = await write.pool.query(
          'select id, aggregateid as stream from tailrace.event_log where id > $1 order by id limit $2',
          [last, size],
        )
        if (rows.length === 0) return
        seen.push(...rows.map((row) => row.stream as string))
        last = rows.at(-1).id
      }
    },
  }
}

/** One event is begun, `before` others come and are read, then it commits, and another one comes after it. */
async function lateCommit(before: number, readers: readonly Reader[]): Promise<string[]> {
  const late = await write.pool.connect()
  await late.query('begin')
  await append(late, { stream: 'late' })
  for (let n = 0; n < before; n++) await append(write.pool, { stream: `early-${n}` })
  for (const reader of readers) await reader.read()
  await late.query('commit')
  late.release()
  await append(write.pool, { stream: 'last' })
  for (const reader of readers) await reader.read()
  return ['late', 'last', ...Array.from({ length: before }, (_, n) => `early-${n}`)].toSorted()
}

test('an event that commits late is at no place of no page passed over, and none comes twice', async () => {
  let passedOver = 0
  // One sequencer goes through all of them; its cursor is kept between the cases.
  for (const { size, before } of cases) {
    await sequencer.release()
    sequencer = (await postgresSequencer({ pool: write.pool }).acquire())!
    const [our, their] = [await ours(size), await naive(size)]
    const all = await lateCommit(before, [our, their])
    expect(our.seen.toSorted(), `page of ${size}, after ${before}`).toEqual(all)
    if (!their.seen.includes('late')) passedOver++
  }
  // By the last id it is lost wherever anything was read before it committed.
  expect(passedOver).toBe(cases.filter(({ before }) => before > 0).length)
})
