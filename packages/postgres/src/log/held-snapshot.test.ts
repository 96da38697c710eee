import type { PoolClient } from 'pg'
import type { SequencerCursor } from 'tailrace/adapter'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { append, freshLog, type TestLog } from '../../../../test/support/event-log.ts'
import { postgresSequencer } from './postgres-sequencer.ts'
import { stepStatement } from './sequencer-step.ts'

// A snapshot held anywhere (a report, a dump, a stuck replica) keeps every dead row version. Queues that update or delete
// then read all of those versions at each poll. Work is counted in pages that the server touches, not in time.

let log: TestLog

beforeAll(async () => {
  log = await freshLog()
})

afterAll(() => log.drop())

interface Plan {
  readonly 'Shared Hit Blocks': number
  readonly 'Shared Read Blocks': number
}

/** Pages that a statement touches, without what happens once (a table that grows by a page). It is executed and undone. */
async function pages(client: PoolClient, text: string, values: unknown[] = []): Promise<number> {
  const counts: number[] = []
  for (let i = 0; i < 3; i++) {
    await client.query('begin')
    const { rows } = await client.query(`explain (analyze, buffers, format json) ${text}`, values)
    await client.query('rollback')
    const plan = rows[0]['QUERY PLAN'][0].Plan as Plan
    counts.push(plan['Shared Hit Blocks'] + plan['Shared Read Blocks'])
  }
  return Math.min(...counts)
}

test(
  'steps do not become dearer while a snapshot is held, where a queue and an updated row do',
  { timeout: 60_000 },
  async () => {
    await log.pool.query(`
    create table queue (id bigint generated always as identity primary key, payload json not null default '{}');
    create table moved (position bigint primary key);
    create table cursor (one boolean primary key default true, position bigint not null);
    insert into cursor (position) values (0)`)
    const holder = await log.pool.connect()
    await holder.query('begin isolation level repeatable read')
    await holder.query('select count(*) from queue')

    let own: PoolClient | undefined
    const pool = { connect: async () => (own = await log.pool.connect()) }
    const sequencer = (await postgresSequencer({ pool }).acquire())!
    let { cursor }: { cursor: SequencerCursor } = sequencer
    const take = `with taken as (delete from queue where id in (select id from queue order by id limit 100) returning id)
    insert into moved select id from taken`
    const costs: { ours: number; queue: number; row: number }[] = []
    // Indexes have their depth for the whole run after the first part.
    for (let part = 0; part < 3; part++) {
      for (let i = 0; i < 100; i++) {
        await append(log.pool, {}, {}, {}, {}, {})
        ;({ cursor } = await sequencer.step(cursor, 100))
      }
      // More often than ours: a run of this length must show what hours do.
      await log.pool.query(`do $$ begin
      for i in 1..1800 loop
        insert into queue default values;
        ${take};
        update cursor set position = position + 1 where one;
      end loop; end $$`)
      await append(log.pool, {})
      await log.pool.query('insert into queue default values')
      const { text, values } = stepStatement('"tailrace"', cursor, 0n, 100)
      costs.push({
        ours: await pages(own!, text, values),
        queue: await pages(own!, 'select * from queue order by id limit 100'),
        row: await pages(own!, 'update cursor set position = position + 1 where one'),
      })
    }
    await sequencer.maintain()
    await holder.query('commit')
    holder.release()
    await sequencer.release()

    console.log(
      'pages touched by a step after 100, 200 and 300 steps behind a held snapshot',
      costs,
    )
    const growth = (of: 'ours' | 'queue' | 'row'): number => costs[2]![of] - costs[0]![of]
    expect(cursor.position).toBe(1_502n)
    // The controls: what is meant to grow does.
    expect(growth('queue')).toBeGreaterThan(20)
    expect(growth('row')).toBeGreaterThan(15)
    // A few pages more or less when autovacuum has looked meanwhile and another plan is as good.
    expect(growth('ours')).toBeLessThanOrEqual(12)
  },
)

test(
  'a step reads what is new and not the log, whatever the statistics say',
  { timeout: 60_000 },
  async () => {
    await log.reset()
    let own: PoolClient | undefined
    const pool = { connect: async () => (own = await log.pool.connect()) }
    const sequencer = (await postgresSequencer({ pool }).acquire())!
    let { cursor } = sequencer
    const touched: number[] = []
    const look = async (): Promise<void> => {
      await append(log.pool, {}, {})
      const { text, values } = stepStatement('"tailrace"', cursor, 0n, 10_000)
      touched.push(await pages(own!, text, values))
    }
    for (let part = 0; part < 3; part++) {
      for (let i = 0; i < 10; i++)
        await append(log.pool, ...Array.from({ length: 1_000 }, () => ({})))
      ;({ cursor } = await sequencer.step(cursor, 20_000))
      await look()
      await log.pool.query(
        'vacuum analyze tailrace.event_log, tailrace.event_sequence, tailrace.sequencer_step',
      )
      await look()
    }
    await sequencer.release()
    console.log(
      'pages touched by a step of a log of 10,000, 20,000 and 30,000 events, before and after analyze',
      touched,
    )
    expect(Math.max(...touched)).toBeLessThan(60)
  },
)
