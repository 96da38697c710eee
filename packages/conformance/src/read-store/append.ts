import assert from 'node:assert/strict'
import type { ApplyBatch, DocumentReader, ProjectionStore, ReadStore } from 'tailrace/adapter'
import { refuses, type Requirement } from '../suite.ts'
import { batch, history, item, move, sample, type Item } from './sample.ts'

type Rows = ApplyBatch['rows']

const failure = { eventId: 'command-1/0', type: 'Sampled', error: 'no', attempts: 3 }

/** The row that an event at `position` always gives: its contents follow from where it is. */
function row(position: bigint, ordinal = 0): Rows[number] {
  return { position, ordinal, row: rowItem(position, ordinal) }
}

function rowItem(position: bigint, ordinal: number): Item {
  return item(`${position}/${ordinal}`, {
    count: Number(position % 1_000n) * 10 + ordinal,
    status: position % 2n === 0n ? 'placed' : 'paid',
  })
}

function rowsOf(from: bigint, through: bigint, each = 2): Rows {
  const rows: Rows[number][] = []
  for (let position = from; position <= through; position++)
    for (let ordinal = 0; ordinal < each; ordinal++) rows.push(row(position, ordinal))
  return rows
}

async function open(store: ReadStore, name: string): Promise<ProjectionStore> {
  return store.open(sample(name, 1, { shape: 'rows' }), history)
}

async function dumped(opened: ProjectionStore): Promise<Item[]> {
  const found: Item[] = []
  for await (const page of opened.dump())
    found.push(...page.map(({ document }) => document as Item))
  return found
}

/** Every read of the port must see exactly these rows, each once: as a list, as counts, as counts by value, and summed up. */
async function assertReads(store: ReadStore, opened: ProjectionStore, rows: Rows): Promise<void> {
  const expected = rows.map((one) => one.row as Item)
  assert.deepEqual(await dumped(opened), expected)
  if (store.capabilities.find !== true) return
  const reader = opened.reader() as unknown as DocumentReader<Item>
  const found = await reader.find({ limit: 1_000, total: true, facets: ['status'] })
  assert.equal(found.total, expected.length)
  const sum = (items: readonly Item[]): number => items.reduce((total, one) => total + one.count, 0)
  assert.equal(sum(found.items), sum(expected))
  for (const status of ['placed', 'paid']) {
    const count = expected.filter((one) => one.status === status).length
    if (store.capabilities.facets) assert.equal(found.facets['status']![status] ?? 0, count)
    assert.equal((await reader.find({ where: { status }, total: true, limit: 1 })).total, count)
  }
}

/**
 * `append`: rows are keyed by (position, ordinal) and may be written before their checkpoint, so that any part of a batch may
 * come again, in other batches, and from more than one worker. `twin` opens another store on the same data.
 */
export function appendRequirements(
  twin: (store: ReadStore) => Promise<ReadStore>,
): readonly Requirement<ReadStore>[] {
  return [
    ...repeating,
    ...placing,
    {
      name: 'two writers that take turns without knowing of each other leave each row once',
      async run(store) {
        const other = await twin(store)
        try {
          const [first, second] = [await open(store, 'turns'), await open(other, 'turns')]
          await first.apply(batch(move(undefined, 4n), [], { rows: rowsOf(1n, 4n) }))
          for (let at = 4n; at < 40n; at += 4n) {
            const [winner, loser] = at % 8n === 0n ? [first, second] : [second, first]
            await winner.apply(batch(move(at, at + 4n), [], { rows: rowsOf(at + 1n, at + 4n) }))
            const late = batch(move(at, at + 3n), [], { rows: rowsOf(at + 1n, at + 3n) })
            await refuses(loser.apply(late), 'PROJECTION_FENCED')
          }
          assert.equal((await second.checkpoints()).get(0)?.position, 40n)
          await assertReads(store, first, rowsOf(1n, 40n))
        } finally {
          if (other !== store) await other.close()
        }
      },
    },
    {
      name: 'of many writers from one place exactly one moves the checkpoint, and the rows are those of the events',
      async run(store) {
        const other = await twin(store)
        try {
          const [first, second] = [await open(store, 'crowd'), await open(other, 'crowd')]
          let at: bigint | undefined
          for (let round = 0; round < 8; round++) {
            const from = at
            const attempts = [3n, 1n, 2n, 4n].map((steps, i) => {
              const to = (from ?? 0n) + steps
              const rows = rowsOf((from ?? 0n) + 1n, to)
              return (i % 2 === 0 ? first : second).apply(batch(move(from, to), [], { rows }))
            })
            const outcomes = await Promise.allSettled(attempts)
            const won = outcomes.filter((one) => one.status === 'fulfilled')
            assert.equal(
              won.length,
              1,
              JSON.stringify(outcomes, (_, value) => String(value)),
            )
            at = (await first.checkpoints()).get(0)!.position
            assert.equal((await second.checkpoints()).get(0)!.position, at)
          }
          // What losers wrote beyond the checkpoint is what comes next anyway.
          const found = await dumped(first)
          assert.deepEqual(
            found,
            rowsOf(1n, BigInt(found.length / 2)).map((one) => one.row),
          )
          assert.ok(BigInt(found.length / 2) >= at!)
        } finally {
          if (other !== store) await other.close()
        }
      },
    },
  ]
}

/** Of stores that write rows before their checkpoint. */
export const rowsFirstRequirements: readonly Requirement<ReadStore>[] = [
  {
    name: 'rows of events between two positions are found, also those that have no checkpoint',
    async run(store) {
      const opened = await open(store, 'held-rows')
      const held = (after: bigint, through: bigint): Promise<boolean> | undefined =>
        opened.holdsBetween?.(after, through)
      const far = 2n ** 53n + 7n
      assert.equal(await held(0n, far), false)
      await opened.apply(batch(move(undefined, 9n), [], { rows: rowsOf(1n, 9n) }))
      await opened.apply(batch([], [], { rows: [row(far)] }))
      assert.equal(await held(8n, 9n), true)
      assert.equal(await held(9n, far - 1n), false)
      assert.equal(await held(far - 1n, far), true)
      assert.equal(await held(far, far + 1_000n), false)
    },
  },
]

const repeating: readonly Requirement<ReadStore>[] = [
  {
    name: 'rows without their checkpoint, written again, are read once, and the checkpoint stays absent',
    async run(store) {
      const opened = await open(store, 'rows-first')
      const data = batch([], [], { rows: rowsOf(1n, 30n) })
      for (let i = 0; i < 3; i++) await opened.apply(data)
      assert.equal((await opened.checkpoints()).size, 0)
      await assertReads(store, opened, data.rows)
      await opened.apply({ ...data, moves: [move(undefined, 30n)] })
      assert.equal((await opened.checkpoints()).get(0)?.position, 30n)
      await assertReads(store, opened, data.rows)
    },
  },
  {
    name: 'a batch whose rows were written before a crash comes again in other batches to the same end',
    async run(store) {
      const opened = await open(store, 'rows-crashed')
      await opened.apply(batch(move(undefined, 10n), [], { rows: rowsOf(1n, 10n, 3) }))
      await opened.apply(batch([], [], { rows: rowsOf(11n, 25n, 3) }))
      assert.equal((await opened.checkpoints()).get(0)?.position, 10n)
      let at = 10n
      for (const to of [12n, 13n, 20n, 33n]) {
        await opened.apply(batch(move(at, to), [], { rows: rowsOf(at + 1n, to, 3) }))
        at = to
      }
      await assertReads(store, opened, rowsOf(1n, 33n, 3))
      assert.equal((await opened.checkpoints()).get(0)?.position, 33n)
    },
  },
  {
    name: 'a batch under a lower fence is refused, and changes nothing that is read',
    async run(store) {
      const opened = await open(store, 'rows-fenced')
      await opened.apply(batch(move(undefined, 5n, { fence: 3n }), [], { rows: rowsOf(1n, 5n) }))
      const late = batch(move(undefined, 5n, { fence: 2n }), [], { rows: rowsOf(1n, 5n) })
      await refuses(opened.apply(late), 'PROJECTION_FENCED')
      await assertReads(store, opened, rowsOf(1n, 5n))
      assert.equal((await opened.checkpoints()).get(0)?.fence, 3n)
    },
  },
  {
    name: 'rows of a settled key are written once, however often it is tried',
    async run(store) {
      const opened = await open(store, 'rows-settled')
      const park = [{ key: 'a', positions: [2n], failure }]
      await opened.apply(batch(move(undefined, 3n), [], { rows: [row(1n), row(3n)], park }))
      await opened.apply(batch([], [], { rows: [row(2n)] }))
      const resolution = { key: 'a', seen: [2n], changes: [], rows: [row(2n)] }
      await opened.resolveParked({ ...resolution, remaining: [], failure: undefined })
      await refuses(
        opened.resolveParked({ ...resolution, remaining: [], failure: undefined }),
        'PARKED_KEY_CHANGED',
      )
      await assertReads(store, opened, [row(1n), row(2n), row(3n)])
    },
  },
]

const placing: readonly Requirement<ReadStore>[] = [
  {
    name: 'a batch with a row that cannot be held changes nothing, and says of which event the row is',
    async run(store) {
      const opened = await open(store, 'unstorable-rows')
      const circular: { self?: unknown } = {}
      circular.self = circular
      const rows = [...rowsOf(1n, 3n), { position: 4n, ordinal: 0, row: circular }, row(5n)]
      const error = await refuses(
        opened.apply(batch(move(undefined, 5n), [], { rows })),
        'DOCUMENT_UNSTORABLE',
      )
      assert.deepEqual(error.details['position'], 4n)
      assert.equal((await opened.checkpoints()).size, 0)
      assert.deepEqual(await dumped(opened), [])
      const park = [{ key: 'bad', positions: [4n], failure }]
      const others = rows.filter(({ position }) => position !== 4n)
      await opened.apply(batch(move(undefined, 5n), [], { rows: others, park }))
      await assertReads(store, opened, others)
    },
  },
  {
    name: 'rows come in the order of position and ordinal, however they were written',
    async run(store) {
      const opened = await open(store, 'rows-order')
      const rows = [...rowsOf(8n, 12n, 12), ...rowsOf(98n, 102n)]
      await opened.apply(batch(move(undefined, 200n), [], { rows: rows.toReversed() }))
      await opened.apply(batch(move(200n, 201n), [], { rows: [row(201n), row(7n)] }))
      await assertReads(store, opened, [row(7n), ...rows, row(201n)])
    },
  },
  {
    name: 'rows at positions beyond 2^53 are told apart, and come in order',
    async run(store) {
      const opened = await open(store, 'rows-large')
      const large = 2n ** 53n
      const rows = [row(9n), row(10n), row(large), row(large + 1n), row(large + 2n)]
      await opened.apply(batch(move(undefined, large + 1n), [], { rows: rows.slice(0, 4) }))
      await opened.apply(batch(move(large + 1n, large + 2n), [], { rows: rows.slice(2) }))
      await assertReads(store, opened, rows)
      assert.equal((await opened.checkpoints()).get(0)?.position, large + 2n)
    },
  },
  {
    name: 'thousands of rows in one batch are one batch',
    async run(store) {
      const opened = await open(store, 'rows-many')
      const rows = rowsOf(1n, 4_000n, 3)
      await opened.apply(batch(move(undefined, 4_000n), [], { rows }))
      await opened.apply(batch([], [], { rows: rows.slice(5_000) }))
      const found = await dumped(opened)
      assert.equal(found.length, rows.length)
      assert.deepEqual(found.at(-1), rows.at(-1)!.row)
    },
  },
]
