import { conflict, rule, schedule, transactionalCommand } from 'tailrace'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Account, enter, Entered, Opened, Stranger } from '../../test/sample-accounts.ts'
import { Order, OrderTouched } from '../../test/sample-orders.ts'

// Each `@ts-expect-error` is a mistake that the compiler must catch: the check of types fails when it does not.

const Input = z.object({ id: z.string(), cents: z.int() })
const base = {
  input: Input,
  target: (input: z.infer<typeof Input>) => input.id,
  may: 'anyone',
} as const

describe('a command', () => {
  test('returns events of its aggregate or a rejection, at once', () => {
    Account.command('c', { ...base, on: 'either', decide: () => [] })
    Account.command('c', {
      ...base,
      on: 'either',
      decide: () => [Opened({ owner: 'ann' }), Entered({ line: 1, cents: 1 })],
    })
    // @ts-expect-error -- an event of no aggregate
    Account.command('c', { ...base, on: 'either', decide: () => Stranger({ x: 1 }) })
    Account.command('c', {
      ...base,
      on: 'either',
      // @ts-expect-error -- an event of another aggregate in a list
      decide: () => [Opened({ owner: 'ann' }), OrderTouched({ note: '' })],
    })
    Account.command('c', {
      ...base,
      on: 'either',
      // @ts-expect-error -- data of another shape
      decide: () => ({ type: 'Opened', data: { owner: 1 } }),
    })
    // @ts-expect-error -- a promise: decide is pure
    Account.command('c', { ...base, on: 'either', decide: async () => Opened({ owner: 'ann' }) })
    // @ts-expect-error -- nothing at all
    Account.command('c', { ...base, on: 'either', decide: () => undefined })
  })

  test('rejects with declared codes and their details', () => {
    Account.command('c', {
      ...base,
      on: 'either',
      rejections: { CLOSED: conflict(), TOO_LITTLE: rule(z.object({ missing: z.int() })) },
      exists: 'CLOSED',
      decide({ input, reject }) {
        if (input.cents === 1) return reject.CLOSED()
        if (input.cents === 2) return reject.TOO_LITTLE({ missing: 1 })
        // @ts-expect-error -- no such rejection
        if (input.cents === 3) return reject.TOO_MUCH()
        // @ts-expect-error -- the detail is missing
        if (input.cents === 4) return reject.TOO_LITTLE()
        // @ts-expect-error -- another detail
        if (input.cents === 5) return reject.TOO_LITTLE({ lacking: 1 })
        // @ts-expect-error -- it has no detail
        if (input.cents === 6) return reject.CLOSED({ why: 'so' })
        return []
      },
    })
    const exists = () =>
      Account.command('c', {
        ...base,
        on: 'new',
        rejections: { CLOSED: conflict() },
        // @ts-expect-error -- `exists` names a declared rejection
        exists: 'OPEN',
        decide: () => [],
      })
    expect(exists).toThrow('to name one of its rejections, got "OPEN"')
  })

  test('gets rows by presence: none when new, all when existing, perhaps when either', () => {
    Account.command('c', {
      ...base,
      on: 'new',
      // @ts-expect-error -- there are no rows yet
      decide: ({ rows }) => Opened({ owner: rows.account.owner }),
    })
    Account.command('c', {
      ...base,
      on: 'either',
      // @ts-expect-error -- there may be no rows
      decide: ({ rows }) => Opened({ owner: rows.account.owner }),
    })
    Account.command('c', {
      ...base,
      on: 'existing',
      decide: ({ rows }) => Opened({ owner: rows.account.owner }),
    })
    Account.command('c', {
      ...base,
      on: 'new',
      // @ts-expect-error -- nor for the policy
      may: ({ rows }) => rows.account.owner === 'ann',
      decide: () => [],
    })
  })

  test('leaves its rows as they are', () => {
    Account.command('c', {
      ...base,
      on: 'existing',
      decide({ rows }) {
        // @ts-expect-error -- rows are read-only: change them by events
        rows.account.cents = 1
        // @ts-expect-error -- lists too
        rows.entries.push({ accountId: 'a', line: 1, cents: 1 })
        return []
      },
    })
  })

  test('says who may send it, where it goes and whether it is new', () => {
    const { target } = base
    expect(() =>
      // @ts-expect-error -- no policy: there is no default
      Account.command('c', { input: Input, target, on: 'new', decide: () => [] }),
    ).toThrow('expected command "c" to have "may", got none')
    expect(() =>
      // @ts-expect-error -- no such policy
      Account.command('c', { ...base, may: 'everyone', on: 'new', decide: () => [] }),
    ).toThrow('to be one of anyone, authenticated, system, got "everyone"')
    expect(() =>
      // @ts-expect-error -- no presence
      Account.command('c', { ...base, decide: () => [] }),
    ).toThrow('expected command "c" to have "on", got none')
    // @ts-expect-error -- the target is a string
    Account.command('c', { ...base, target: (input) => input.cents, on: 'new', decide: () => [] })
    // @ts-expect-error -- the input has no such property
    Account.command('c', { ...base, target: (input) => input.account, on: 'new', decide: () => [] })
    Account.command('c', {
      ...base,
      on: 'new',
      // @ts-expect-error -- decide gets the declared input
      decide: ({ input }) => Opened({ owner: input.owner }),
    })
  })

  test('has no clock and no random source but the context', () => {
    Account.command('c', {
      ...base,
      on: 'new',
      decide({ now, newId, commandId, actor }) {
        const owner: string = `${now} ${newId(1)} ${commandId} ${actor.id}`
        return Opened({ owner })
      },
    })
  })

  test('is called with its input', () => {
    expect(enter.call({ id: 'a', cents: 1 })).toEqual({
      command: 'enter',
      input: { id: 'a', cents: 1 },
    })
    // @ts-expect-error -- of another type
    enter.call({ id: 'a', cents: '1' })
    // @ts-expect-error -- missing
    enter.call({ id: 'a' })
  })
})

describe('a transactional command', () => {
  test('emits events of the aggregate that it names, and returns nothing or a rejection', () => {
    const spec = {
      input: Input,
      target: (input: z.infer<typeof Input>) => input.id,
      may: 'authenticated',
    } as const
    transactionalCommand('t', {
      ...spec,
      rejections: { CLOSED: conflict() },
      async run({ input, load, emit, reject }) {
        const account = await load(Account, input.id)
        // @ts-expect-error -- it may not exist
        const { owner } = account.account
        if (account === undefined) return reject.CLOSED()
        // @ts-expect-error -- no such table
        void account.accounts
        await emit(Account, input.id, [Opened({ owner: account.account.owner ?? owner })])
        // @ts-expect-error -- an event of another aggregate
        await emit(Account, input.id, OrderTouched({ note: '' }))
        await emit(Order, input.id, OrderTouched({ note: '' }))
        // @ts-expect-error -- no such rejection
        return reject.OPEN()
      },
    })
    // @ts-expect-error -- events are emitted, not returned
    transactionalCommand('t', { ...spec, run: async () => Opened({ owner: 'ann' }) })
    const { target } = spec
    expect(() =>
      // @ts-expect-error -- no policy
      transactionalCommand('t', { input: Input, target, run: async () => undefined }),
    ).toThrow('expected command "t" to have "may", got none')
  })
})

describe('a schedule', () => {
  test('reacts to events of its aggregate with a time and a call', () => {
    schedule('s', Account, {
      Opened: ({ data, id }) => ({ at: data.owner, call: enter.call({ id, cents: 1 }) }),
      Entered: () => 'cancel',
    })
    // @ts-expect-error -- not an event of it
    expect(() => schedule('s', Account, { OrderTouched: () => 'cancel' })).toThrow(
      'expected schedule "s" to name events of aggregate "account", got "OrderTouched"',
    )
    schedule('s', Account, {
      // @ts-expect-error -- data has no such property
      Opened: ({ data }) => ({ at: data.expiresAt, call: enter.call({ id: 'a', cents: 1 }) }),
    })
    // @ts-expect-error -- a call is made by a command
    schedule('s', Account, { Opened: () => ({ at: '', call: 'enter' }) })
  })
})
