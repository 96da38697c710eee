import { aggregate, app, conflict, event, eventual, projection, query, rule, table } from 'tailrace'
import { z } from 'zod'

// Events: what has happened. They are in the log for ever.
const AccountOpened = event('AccountOpened', z.object({ accountId: z.uuid(), owner: z.string() }))
const Deposited = event('Deposited', z.object({ accountId: z.uuid(), balanceMinor: z.int() }))

// An aggregate: the rows that a command decides with, and what each event changes in them.
export const Account = aggregate('account', {
  id: z.uuid(),
  rows: {
    account: table(
      'accounts',
      z.object({ id: z.uuid(), version: z.int(), owner: z.string(), balanceMinor: z.int() }),
    ),
  },
  events: [AccountOpened, Deposited],
  write: {
    AccountOpened: ({ data }, to) => [to.account.insert({ owner: data.owner, balanceMinor: 0 })],
    Deposited: ({ data }, to) => [to.account.update({ balanceMinor: data.balanceMinor })],
  },
})

// Commands: input, who may, rules. `decide` is a pure function.
export const openAccount = Account.command('openAccount', {
  input: z.strictObject({ accountId: z.uuid(), owner: z.string().min(1) }),
  target: ({ accountId }) => accountId,
  on: 'new',
  may: 'authenticated',
  rejections: { ACCOUNT_EXISTS: conflict() },
  exists: 'ACCOUNT_EXISTS',
  decide: ({ input }) => AccountOpened(input),
})

export const deposit = Account.command('deposit', {
  input: z.strictObject({ accountId: z.uuid(), amountMinor: z.int() }),
  target: ({ accountId }) => accountId,
  on: 'existing',
  may: ({ actor, rows }) => actor.id === rows.account.owner,
  rejections: { NOT_POSITIVE: rule() },
  decide({ input: { accountId, amountMinor }, rows, reject }) {
    if (amountMinor <= 0) return reject.NOT_POSITIVE()
    return Deposited({ accountId, balanceMinor: rows.account.balanceMinor + amountMinor })
  },
})

// A read model: documents folded from events, and a query that says how fresh its answer is.
export const Balance = projection('balance', {
  version: 1,
  from: Account.events,
  document: z.object({ accountId: z.uuid(), owner: z.string(), balanceMinor: z.int() }),
  key: ({ stream }) => stream,
  on: {
    AccountOpened: ({ data }) => ({ ...data, balanceMinor: 0 }),
    Deposited: ({ data }, doc) => doc && { ...doc, balanceMinor: data.balanceMinor },
  },
})

export const balance = query('balance', {
  input: z.strictObject({ accountId: z.uuid() }),
  reads: { balances: Balance },
  may: 'authenticated',
  freshness: eventual({ wait: '2s' }),
  run: async ({ balances }, { accountId }, { actor }) => {
    const found = await balances.get(accountId)
    return found?.owner === actor.id ? found : null
  },
})

export const bank = app({
  aggregates: { Account },
  commands: { openAccount, deposit },
  projections: { Balance },
  queries: { balance },
})
