import {
  app,
  event,
  aggregate,
  projection,
  query,
  table,
  type Accepted,
  type AnySchema,
  type DocumentOf,
  type EnvelopeOf,
  type EventData,
  type InputOf,
  type OutputOf,
  type Surface,
} from 'tailrace'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { Account, AccountRow, enter, Stranger } from '../../test/sample-accounts.ts'
import type { orders } from '../../test/sample-orders.ts'

// Each `@ts-expect-error` is a mistake that the compiler must catch: the check of types fails when it does not.

const Owners = projection('owners', {
  version: 1,
  from: Account.events,
  document: z.object({ owner: z.string() }),
  key: (e) => e.stream,
  on: { Opened: (e) => ({ owner: e.data.owner }) },
  otherwise: 'ignore',
})
const owner = query('owner', {
  input: z.object({ id: z.string() }),
  reads: { owners: Owners },
  may: 'anyone',
  run: async ({ owners }, { id }) => (await owners.get(id)) ?? null,
})
const accounts = app({
  aggregates: { Account },
  commands: { enter },
  projections: { Owners },
  queries: { owner },
})

describe('an app', () => {
  const parts = {
    aggregates: { Account },
    commands: { enter },
    projections: { Owners },
    queries: { owner },
  }

  test('registers commands and queries under their own names', () => {
    expect(() => app({ ...parts, commands: { book: enter } })).toThrow(
      'expected command "enter" to be registered under its own name, got key "book"',
    )
    expect(() => app({ ...parts, queries: { who: owner } })).toThrow(
      'expected query "owner" to be registered under its own name, got key "who"',
    )
  })

  test('holds everything that its parts name', () => {
    expect(() => app({ ...parts, aggregates: {} })).toThrow(
      'expected command "enter" to belong to a registered aggregate, got "account"',
    )
    expect(() => app({ ...parts, projections: {} })).toThrow(
      'expected query "owner" to read a registered projection, got "owners"',
    )
    const Lost = projection('lost', {
      version: 1,
      from: [Stranger],
      document: z.object({}),
      key: () => 'k',
      on: { Stranger: () => null },
    })
    expect(() => app({ ...parts, projections: { Owners, Lost } })).toThrow(
      'expected projection "lost" to read events of a registered aggregate, got "Stranger"',
    )
  })

  test('has events whose data JSON can hold, and rows as they are read', () => {
    const Row = z.object({ id: z.string(), version: z.int() })
    const make = (data: AnySchema, row: z.ZodType<z.infer<typeof Row>> = Row) => {
      const Dated = event('Dated', data)
      const Thing = aggregate('thing', {
        id: z.string(),
        rows: { thing: table('things', row) },
        events: [Dated],
        write: { Dated: () => [] },
      })
      return () => app({ aggregates: { Thing }, commands: {}, projections: {}, queries: {} })
    }
    expect(make(z.object({ at: z.iso.datetime() }))).not.toThrow()
    expect(make(z.object({ at: z.date() }))).toThrow(
      expect.objectContaining({
        code: 'EVENT_DECLARATION',
        message:
          'expected the data of event "Dated" to be what JSON can hold, because every reader gets it from there, got at "/at" a Date; use a string, such as an RFC 3339 time',
      }),
    )
    expect(make(z.object({}), Row.extend({ n: z.bigint() }))).toThrow(
      expect.objectContaining({
        code: 'AGGREGATE_DECLARATION',
        message: expect.stringMatching(
          /rows of table "things" of aggregate "thing" .* got at "\/n" a bigint/,
        ),
      }),
    )
  })

  test('has queries that read something, because an answer says how fresh it is', () => {
    const nothing = query('nothing', {
      input: z.object({}),
      reads: {},
      may: 'anyone',
      run: async () => 1,
    })
    expect(() => app({ ...parts, queries: { nothing } })).toThrow(
      'expected query "nothing" to read a projection, got none',
    )
  })

  test('has one declaration of what it names', () => {
    const Twin = event('Opened', z.object({ owner: z.string() }))
    const Twins = projection('twins', {
      version: 1,
      from: [Twin],
      document: z.object({}),
      key: () => 'k',
      on: { Opened: () => null },
    })
    expect(() => app({ ...parts, projections: { Owners, Twins } })).toThrow(
      'expected projection "twins" to read the event "Opened" that the aggregates declare, got another declaration of that name; declare it once and import it',
    )
    const OtherOwners = { ...Owners }
    expect(() => app({ ...parts, projections: { OtherOwners } })).toThrow(
      'expected query "owner" to read the projection "owners" that is registered, got another declaration of that name',
    )
  })

  test('has one projection and one event of a name', () => {
    const Again = projection('owners', {
      version: 2,
      from: Account.events,
      document: z.object({}),
      key: () => 'k',
      on: {},
      otherwise: 'ignore',
    })
    expect(() => app({ ...parts, projections: { Owners, Again } })).toThrow('got "owners" twice')
    const Opened = event('Opened', z.object({}))
    const Shop = aggregate('shop', {
      id: z.string(),
      rows: { shop: table('shops', AccountRow) },
      events: [Opened],
      write: { Opened: () => [] },
    })
    expect(() => app({ ...parts, aggregates: { Account, Shop } })).toThrow(
      'expected event names to differ across aggregates, got "Opened" twice',
    )
  })

  test('takes only declared parts', () => {
    // @ts-expect-error -- not a command
    expect(() => app({ ...parts, commands: { enter: { name: 'enter' } } })).toThrow(
      'expected "commands" of the application to hold commands, got an object',
    )
    // @ts-expect-error -- not a projection
    expect(() => app({ ...parts, projections: { Owners: owner } })).toThrow(
      'to hold projections, got query "owner"',
    )
  })
})

describe('types that helpers of an application name', () => {
  test('come from what is declared', () => {
    expectTypeOf<InputOf<typeof enter>>().toEqualTypeOf<{ id: string; cents: number }>()
    expectTypeOf<InputOf<typeof accounts.queries.owner>>().toEqualTypeOf<{ id: string }>()
    expectTypeOf<OutputOf<typeof accounts.queries.owner>>().toEqualTypeOf<{
      owner: string
    } | null>()
    expectTypeOf<DocumentOf<typeof Owners>>().toEqualTypeOf<{ owner: string }>()
    expectTypeOf<EventData<typeof Account.events, 'Opened'>>().toEqualTypeOf<{ owner: string }>()
    expectTypeOf<EnvelopeOf<typeof Account.events, 'Opened'>['data']['owner']>().toBeString()
    expectTypeOf<InputOf<string>>().toBeNever()
  })
})

describe("a client's types", () => {
  type Client = Surface<typeof accounts, undefined, undefined>
  type Result = Awaited<ReturnType<Client['commands']['enter']>>

  test('come from the app: inputs, rejections, data', () => {
    expectTypeOf<Parameters<Client['commands']['enter']>[0]>().toEqualTypeOf<{
      id: string
      cents: number
    }>()
    expectTypeOf<Extract<Result, { ok: true }>>().toEqualTypeOf<Accepted>()
    expectTypeOf<Exclude<Result, { ok: true }>['code']>().toEqualTypeOf<
      'CLOSED' | 'TOO_LITTLE' | 'NOT_FOUND' | 'AGGREGATE_EXISTS' | 'VERSION_CONFLICT'
    >()
    expectTypeOf<Extract<Result, { code: 'TOO_LITTLE' }>['detail']>().toEqualTypeOf<{
      missing: number
    }>()
    expectTypeOf<Awaited<ReturnType<Client['queries']['owner']>>['data']>().toEqualTypeOf<{
      owner: string
    } | null>()
    expectTypeOf<keyof Surface<typeof orders, undefined, undefined>['commands']>().toEqualTypeOf<
      | 'placeOrder'
      | 'payOrder'
      | 'shipLine'
      | 'removeLine'
      | 'touchOrder'
      | 'deleteOrder'
      | 'expireOrder'
      | 'moveLine'
    >()
  })

  test('know when every rejection was handled', () => {
    const told = (result: Result): string => {
      if (result.ok) return 'done'
      switch (result.code) {
        case 'CLOSED':
        case 'NOT_FOUND':
        case 'AGGREGATE_EXISTS':
          return result.code
        case 'VERSION_CONFLICT':
          return String(result.detail.current)
        case 'TOO_LITTLE':
          // @ts-expect-error -- the detail has no such property
          return String(result.detail.missing + (result.detail.lacking ?? 0))
      }
    }
    expect(told({ ok: false, code: 'TOO_LITTLE', detail: { missing: 3 } })).toBe('3')
    // @ts-expect-error -- one case is missing: the function may return nothing
    const forgot = (result: Result): string => {
      if (result.ok) return 'done'
      switch (result.code) {
        case 'CLOSED':
        case 'NOT_FOUND':
        case 'AGGREGATE_EXISTS':
        case 'VERSION_CONFLICT':
          return result.code
      }
    }
    expect(forgot({ ok: false, code: 'CLOSED', detail: undefined })).toBe('CLOSED')
  })
})
