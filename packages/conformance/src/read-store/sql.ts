import assert from 'node:assert/strict'
import type {
  AnyProjectionDef,
  ProjectionTransaction,
  ReadStore,
  SqlBatch,
  SqlReader,
} from 'tailrace/adapter'
import { refuses, type Requirement } from '../suite.ts'
import { history, move, sample } from './sample.ts'

function counters(name: string): AnyProjectionDef {
  return sample(name, 1, {
    shape: 'sql',
    schema: undefined,
    tables: { counter: 'id text primary key, n bigint not null check (n < 100)' },
    setup: ['create index on $counter (n)'],
  })
}

function add(key: string, n: number) {
  return async (tx: ProjectionTransaction): Promise<void> => {
    await tx.query(
      'insert into $counter as c values ($1, $2) on conflict (id) do update set n = c.n + excluded.n',
      [key, n],
    )
  }
}

function sqlBatch(over: Partial<SqlBatch>): SqlBatch {
  const groups = over.groups ?? []
  return {
    moves: [],
    groups,
    park: [],
    parkOf: (group, error) => ({
      key: groups[group]!.key,
      positions: groups[group]!.positions,
      failure: { eventId: 'e/0', type: 'Sampled', error: String(error), attempts: 2 },
    }),
    ...over,
  }
}

const all = 'select id, n::int as n from $counter order by id'

export const sqlRequirements: readonly Requirement<ReadStore>[] = [
  {
    name: 'sql groups and checkpoints are one transaction, and the same batch again changes nothing',
    async run(store) {
      const opened = await store.open(counters('sql-once'), history)
      const reader = opened.reader() as unknown as SqlReader
      const groups = [
        { key: 'a', positions: [1n, 3n], run: add('a', 5) },
        { key: 'b', positions: [2n], run: add('b', 1) },
      ]
      const first = sqlBatch({ moves: [move(undefined, 3n)], groups })
      assert.deepEqual(await opened.applySql(first), [])
      await refuses(opened.applySql(first), 'PROJECTION_FENCED')
      await refuses(
        opened.applySql(sqlBatch({ moves: [move(2n, 4n)], groups })),
        'PROJECTION_FENCED',
      )
      assert.deepEqual(await reader.query(all), [
        { id: 'a', n: 5 },
        { id: 'b', n: 1 },
      ])
      assert.deepEqual(await reader.query('select id from $counter where n > $1', [3]), [
        { id: 'a' },
      ])
      assert.equal((await opened.checkpoints()).get(0)?.position, 3n)
    },
  },
  {
    name: 'a sql group that fails is undone and parked; the others stand',
    async run(store) {
      const opened = await store.open(counters('sql-park'), history)
      const fails = async (tx: ProjectionTransaction): Promise<void> => {
        await add('b', 50)(tx)
        await add('b', 60)(tx)
      }
      const groups = [
        { key: 'a', positions: [1n], run: add('a', 1) },
        { key: 'b', positions: [2n, 3n], run: fails },
        { key: 'c', positions: [4n], run: add('c', 1) },
      ]
      const failures = await opened.applySql(sqlBatch({ moves: [move(undefined, 4n)], groups }))
      assert.deepEqual(
        failures.map(({ group }) => group),
        [1],
      )
      const reader = opened.reader() as unknown as SqlReader
      assert.deepEqual(await reader.query(all), [
        { id: 'a', n: 1 },
        { id: 'c', n: 1 },
      ])
      assert.deepEqual(await opened.parkedPositions('b'), [2n, 3n])
      await opened.applySql(
        sqlBatch({
          moves: [move(4n, 6n)],
          park: [{ key: 'b', positions: [6n], failure: undefined }],
        }),
      )
      const seen = [2n, 3n, 6n]
      const again = [{ key: 'b', positions: seen, run: fails }]
      assert.equal(
        (
          await opened.applySql(
            sqlBatch({
              groups: again,
              resolve: [{ key: 'b', seen, remaining: [], failure: undefined }],
            }),
          )
        ).length,
        1,
      )
      assert.deepEqual(await opened.parkedPositions('b'), seen)
      const mended = [{ key: 'b', positions: seen, run: add('b', 3) }]
      assert.deepEqual(
        await opened.applySql(
          sqlBatch({
            groups: mended,
            resolve: [{ key: 'b', seen, remaining: [], failure: undefined }],
          }),
        ),
        [],
      )
      assert.deepEqual(await opened.parked(), [])
      assert.deepEqual(await reader.query(all), [
        { id: 'a', n: 1 },
        { id: 'b', n: 3 },
        { id: 'c', n: 1 },
      ])
    },
  },
  {
    name: 'readers of sql tables cannot write',
    async run(store) {
      const opened = await store.open(counters('sql-read'), history)
      const reader = opened.reader() as unknown as SqlReader
      await assert.rejects(reader.query("insert into $counter values ('x', 1)"))
      await assert.rejects(reader.query("select 1; insert into $counter values ('x', 1)"))
      // What stays on a connection would change the queries of others.
      await refuses(reader.query('set default_transaction_read_only = off'), 'READ_UNSUPPORTED')
      await refuses(reader.query('/* later */ begin'), 'READ_UNSUPPORTED')
      assert.deepEqual(await reader.query(`-- all\n/* of */ (${all})`), [])
      assert.deepEqual(await reader.query(all), [])
    },
  },
]
