import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runningOrders, type RunningOrders } from '../../../test/support/running-orders.ts'
import { mutatedInputs } from '../test/mutated-inputs.ts'
import { checkOpenApi, runExamples } from '../test/openapi-checks.ts'
import { post, surfaces, type TestSurface } from '../test/surfaces.ts'

// The order system on real servers, over HTTP.

let orders: RunningOrders
let surface: TestSurface

beforeAll(async () => {
  orders = await runningOrders()
  surface = await surfaces['node:http']!(orders.engine)
})
afterAll(async () => {
  await surface?.close()
  await orders?.stop()
})

const document = async (): Promise<Record<string, unknown>> =>
  (await surface.call('/openapi.json')).json()

test('its document is well-formed, and its examples work in the order in which they stand', async () => {
  expect(checkOpenApi(await document())).toEqual([])
  const answers = await runExamples(await document(), surface.call)
  expect(answers.filter(({ status }) => status !== 200)).toEqual([])
  const names = new Set(answers.map(({ operation }) => operation))
  const { commands, queries } = orders.engine.app
  const open = [...Object.values(commands), ...Object.values(queries)].filter(
    ({ may }) => may !== 'system',
  )
  const byAddress = Object.values(queries).map(({ name }) => `${name}ByAddress`)
  expect(names).toEqual(new Set([...open.map(({ name }) => name), ...byAddress]))
})

test('what only the system sends is 403', async () => {
  const response = await surface.call(
    '/commands/expireOrder',
    post(
      { orderId: '0190b0c0-0000-7000-8000-000000000001' },
      { authorization: 'Bearer demo:support:sue' },
    ),
  )
  expect([response.status, (await response.json()).code]).toEqual([403, 'NOT_ALLOWED'])
})

test('a cursor that is none is refused with its name', async () => {
  const response = await surface.call(
    '/queries/searchOrders',
    post({ cursor: 'not-a-cursor' }, { authorization: 'Bearer demo:support:sue' }),
  )
  expect([response.status, (await response.json()).code]).toEqual([422, 'CURSOR_INVALID'])
})

test('metrics, status and health tell of the running system', async () => {
  const metrics = await surface.call('/metrics')
  expect(await metrics.text()).toMatch(/^cqrs_log_head_position \d+$/m)
  const counted = await (await surface.call('/metrics')).text()
  expect(counted).toMatch(/^cqrs_commands_total\{command="placeOrder",result="committed"\} [1-9]/m)
  expect(counted).toMatch(/^cqrs_queries_total\{query="orderStatus",result="answered"\} [1-9]/m)
  expect(metrics.headers.get('content-type')).toContain('text/plain')
  expect(await (await surface.call('/status')).json()).toMatchObject({
    head: { sequencer: 'active' },
    projections: { 'order-status': { store: 'lmdb' } },
  })
  expect((await surface.call('/readyz')).status).toBe(200)
})

test('whatever is made of inputs that work, no answer is 5xx, and everything that is taken can be read', async () => {
  const failures: unknown[] = []
  const guarded = await surfaces.fetch!(orders.engine, {
    onFailure: ({ error }) => failures.push(error),
  })
  const { commands, queries } = orders.engine.app
  const calls = [
    ...Object.values(commands).map(({ name, examples }) => ({
      path: `/commands/${name}`,
      examples,
    })),
    ...Object.values(queries).map(({ name, examples }) => ({ path: `/queries/${name}`, examples })),
  ].filter(({ examples }) => examples.length > 0)
  const statuses = new Set<number>()
  for (const { path, examples } of calls) {
    await fc.assert(
      fc.asyncProperty(mutatedInputs(examples[0]!.input), async (body) => {
        const response = await guarded.call(
          path,
          post(body, { authorization: 'Bearer demo:support:sue' }),
        )
        statuses.add(response.status)
        expect([response.status < 500, await response.json()]).toEqual([true, expect.anything()])
      }),
      { numRuns: 60 },
    )
  }
  expect(failures).toEqual([])
  // It got behind the schemas.
  expect(statuses).toContain(200)
  expect(statuses).toContain(409)
  const { head } = await orders.engine.status()
  await expect
    .poll(
      async () =>
        Object.values((await orders.engine.status()).projections).map(
          ({ position, parkedKeys }) => BigInt(position) >= BigInt(head.position) && parkedKeys,
        ),
      { timeout: 15_000 },
    )
    .toEqual([0, 0, 0, 0, 0, 0])
}, 120_000)
