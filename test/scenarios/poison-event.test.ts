import { postgres, postgresTables } from '@tailrace/postgres'
import { retryParked, systemClock } from 'tailrace/adapter'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accountsApp } from './accounts-app.ts'
import {
  committed,
  openAccounts,
  openBank,
  statementOf,
  statementsByHand,
  type Bank,
} from './bank.ts'

let bank: Bank
beforeAll(async () => {
  bank = await openBank()
})
afterAll(() => bank.close())

const poison = 13

test('an event that cannot be handled stops its own key alone, is seen, and is handled again when the code is mended', async () => {
  let mended = false
  const onFold = (by: number): void => {
    if (by === poison && !mended) throw new Error('thirteen')
  }
  const { engine } = await bank.process({ onFold })
  const [ill, well] = await openAccounts(engine, 2)
  const move = (id: string, by: number) => committed(engine, 'move', { id, by })
  const lastOfIll = await move(ill!, poison).then(() => move(ill!, 1))
  for (let n = 0; n < 50; n++) await move(well!, 1)
  // The others go on, up to their last event.
  const after = await statementOf(engine, well!, await move(well!, 1))
  expect(after?.balance).toBe(51)
  // It is seen: in the status, and in the answer to who asks for what is not there.
  await expect
    .poll(async () => (await engine.status()).projections['statements'])
    .toMatchObject({ state: 'parked', parkedKeys: 1 })
  await expect
    .poll(() => engine.query('statement', { id: ill }, { tokens: [lastOfIll] }))
    .toMatchObject({ kind: 'answer', meta: { parked: { statements: [ill] } } })
  expect(await parkedFailure()).toMatchObject([
    { key: ill, events: 2, error: expect.stringContaining('thirteen') },
  ])
  // Mended: the events that waited are handled, in order, and nothing is left.
  mended = true
  await settle(ill!, onFold)
  expect(await parkedFailure()).toEqual([])
  const all = await statementsByHand(bank.pool)
  expect(await statementOf(engine, ill!, await move(ill!, 0))).toEqual({
    ...all[ill!],
    versions: [...all[ill!]!.versions, 4],
  })
})

async function opened(onFold?: (by: number) => void) {
  const app = accountsApp(onFold === undefined ? {} : { onFold })
  const projection = [...app.projections.values()][0]!
  const side = await postgres({ url: bank.writeUrl, onWarning: () => undefined }).open(app, {
    clock: systemClock(),
  })
  const tables = postgresTables({ url: bank.readUrl })
  const { systemId, epoch } = side.log.identity
  const store = await tables.open(projection, `${systemId}/${epoch}`)
  return {
    projection,
    store,
    log: side.log,
    close: () => Promise.all([tables.close(), side.close()]),
  }
}

async function parkedFailure(): Promise<unknown[]> {
  const { store, close } = await opened()
  const parked = await store.parked()
  await close()
  return parked.map(({ key, events, failure }) => ({ key, events, error: failure.error }))
}

async function settle(key: string, onFold: (by: number) => void): Promise<void> {
  const { close, ...place } = await opened(onFold)
  expect(await retryParked({ ...place, key })).toMatchObject({ handled: 2, remaining: 0 })
  await close()
}

test('a loop that ends with the first error applies nothing behind it', async () => {
  const applied: number[] = []
  const loop = async (): Promise<void> => {
    for (const by of [1, poison, 1, 1]) {
      if (by === poison) throw new Error('thirteen')
      applied.push(by)
    }
  }
  await expect(loop()).rejects.toThrow('thirteen')
  expect(applied).toEqual([1])
})
