import { afterEach, expect, test } from 'vitest'
import { openSite, recorded, totalOf, type Deployed, type Site } from './releases.ts'

let site: Site
afterEach(() => site.close())

const stateOf = async ({ engine }: Deployed) => (await engine.status()).projections['totals']

test('an event type that was renamed is said at the start, and keeps a new version of a read model from beginning without it', async () => {
  site = await openSite()
  const before = await site.deploy()
  const token = await recorded(before, { id: 'ada', type: 'Deposited', by: 7 })
  expect(await totalOf(before, 'ada', token)).toEqual({ total: 7, others: 0 })
  expect(before.problems).toEqual([])
  await before.stop()

  const renamed = await site.deploy({ deposits: 'MoneyDeposited', version: 2 })
  expect(renamed.problems[0]).toMatchObject({
    code: 'EVENT_UNKNOWN',
    details: { types: ['Deposited'] },
  })
  await expect
    .poll(() => renamed.problems.map(({ message }) => message))
    .toContainEqual(expect.stringMatching(/got "Deposited" besides; keep the declaration/))
  await expect
    .poll(() => stateOf(renamed))
    .toMatchObject({
      state: 'failed',
      lastError: expect.stringMatching(
        /^version 2 cannot be made, .* EVENT_UNKNOWN: .*"Deposited"/,
      ),
    })
  // Commands go on, and readers stay where they were.
  await recorded(renamed, { id: 'bob', type: 'MoneyDeposited', by: 3 })
  expect(await renamed.engine.query('total', { id: 'ada' })).toMatchObject({
    data: { total: 7 },
  })
  expect(await renamed.engine.query('total', { id: 'bob' })).toMatchObject({ data: null })
  await renamed.stop()

  // Nothing was lost: the declaration that was kept reads all of it.
  const kept = await site.deploy({ deposits: 'Deposited', more: ['MoneyDeposited'], version: 3 })
  expect(kept.problems).toEqual([])
  await expect.poll(() => totalOf(kept, 'ada')).toEqual({ total: 7, others: 0 })
})

test('a retired event type is nobody’s any more, and said by nobody', async () => {
  site = await openSite()
  const before = await site.deploy({ more: ['Flagged'] })
  await recorded(before, { id: 'ada', type: 'Deposited', by: 7 })
  const token = await recorded(before, { id: 'ada', type: 'Flagged' })
  expect(await totalOf(before, 'ada', token)).toEqual({ total: 7, others: 1 })
  await before.stop()
  const after = await site.deploy({ version: 2, retired: ['Flagged'] })
  await expect.poll(() => totalOf(after, 'ada')).toEqual({ total: 7, others: 0 })
  expect(after.problems).toEqual([])
})

test('a version of a read model that came to handle other events is refused, also where their first one is yet to come', async () => {
  site = await openSite()
  const before = await site.deploy()
  const token = await recorded(before, { id: 'ada', type: 'Deposited', by: 7 })
  await totalOf(before, 'ada', token)
  await expect(site.deploy({ more: ['Flagged'] })).rejects.toMatchObject({
    code: 'PROJECTION_CHANGED',
    message: expect.stringMatching(
      /version 1 of projection "totals" .* got "Flagged" besides; count its version up/,
    ),
  })
  await expect(site.deploy({ deposits: 'Paid' })).rejects.toMatchObject({
    code: 'PROJECTION_CHANGED',
    details: { more: ['Paid'], less: ['Deposited'] },
  })
  // A handler may go as long as it was never needed.
  const early = await site.deploy({ more: ['Flagged'], version: 2 })
  await early.stop()
  const without = await site.deploy({ version: 2 })
  await expect.poll(() => totalOf(without, 'ada')).toEqual({ total: 7, others: 0 })
})

test('an event whose version was set back is said at the start, and waited for', async () => {
  site = await openSite()
  const newer = await site.deploy({ depositVersion: 2 })
  const token = await recorded(newer, { id: 'ada', type: 'Deposited', by: 700 })
  expect(await totalOf(newer, 'ada', token)).toEqual({ total: 700, others: 0 })
  await newer.stop()
  const older = await site.deploy({ depositVersion: 1, version: 2 })
  expect(older.problems[0]).toMatchObject({
    code: 'EVENT_FROM_THE_FUTURE',
    message: expect.stringContaining('version 2 of "Deposited" (declared: 1)'),
  })
  await expect
    .poll(() => stateOf(older))
    .toMatchObject({
      lastError: expect.stringContaining('EVENT_FROM_THE_FUTURE'),
    })
})

test('two releases at once: the older one follows its version through events that it does not know, and readers get the newer one', async () => {
  site = await openSite()
  const older = await site.deploy()
  await recorded(older, { id: 'ada', type: 'Deposited', by: 7 })
  const newer = await site.deploy({ more: ['Flagged'], version: 2 })
  const tokens = [
    await recorded(newer, { id: 'ada', type: 'Flagged' }),
    await recorded(older, { id: 'ada', type: 'Deposited', by: 1 }),
    await recorded(newer, { id: 'bob', type: 'Deposited', by: 2 }),
  ]
  for (const { engine } of [older, newer])
    await expect
      .poll(() => engine.query('total', { id: 'ada' }, { tokens, waitMs: 5_000 }))
      .toMatchObject({ data: { total: 8 }, meta: { stale: false } })
  await expect.poll(() => totalOf(newer, 'ada', ...tokens)).toEqual({ total: 8, others: 1 })
  // It begins nothing: a version that it made now would be without them.
  await older.stop()
  const again = await site.deploy()
  expect(again.problems).toMatchObject([{ code: 'EVENT_UNKNOWN', details: { types: ['Flagged'] } }])
  await expect
    .poll(() => again.engine.query('total', { id: 'ada' }, { tokens, waitMs: 5_000 }))
    .toMatchObject({ data: { total: 8 } })
})

test('a reactor that came to handle further events says so while processes of the release before would pass over them', async () => {
  site = await openSite()
  const seen: string[] = []
  const before = await site.deploy({ seen })
  await recorded(before, { id: 'ada', type: 'Deposited' })
  await expect.poll(() => seen).toEqual(['Deposited'])
  const more = { more: ['Flagged'], version: 2, seen }
  const beside = await site.deploy(more)
  expect(beside.problems).toMatchObject([
    { code: 'REACTOR_CHANGED', details: { reactor: 'noting', more: ['Flagged'] } },
  ])
  // Said once; and not at all where nobody is left who would.
  expect((await site.deploy(more)).problems).toEqual([])
  await site.close()
  site = await openSite()
  const first = await site.deploy({ seen })
  await first.stop()
  const alone = await site.deploy(more)
  expect(alone.problems).toEqual([])
  seen.length = 0
  await recorded(alone, { id: 'ada', type: 'Deposited' })
  await recorded(alone, { id: 'ada', type: 'Flagged' })
  await expect.poll(() => seen).toEqual(['Deposited', 'Flagged'])
})
