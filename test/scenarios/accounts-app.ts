import {
  aggregate,
  app,
  event,
  projection,
  query,
  rule,
  table,
  transactionalCommand,
} from 'tailrace'
import { z } from 'zod'

// Accounts of whole cents: each duplicate, each loss and each change of order shows in a sum or in a list.

export const accountTables = `create table accounts (
  id text primary key, version bigint not null, owner text not null, balance bigint not null check (balance >= 0))`

export const Opened = event('AccountOpened', z.object({ owner: z.string(), balance: z.int() }))
export const Moved = event('MoneyMoved', z.object({ by: z.int(), balance: z.int() }))

export const Account = aggregate('account', {
  id: z.string(),
  rows: {
    account: table(
      'accounts',
      z.object({ id: z.string(), version: z.int(), owner: z.string(), balance: z.int() }),
    ),
  },
  events: [Opened, Moved],
  write: {
    AccountOpened: ({ data }, to) => [
      to.account.insert({ owner: data.owner, balance: data.balance }),
    ],
    MoneyMoved: ({ data }, to) => [to.account.update({ balance: data.balance })],
  },
})

const open = Account.command('open', {
  input: z.object({ id: z.string(), owner: z.string(), balance: z.int() }),
  target: ({ id }) => id,
  on: 'new',
  may: 'anyone',
  decide: ({ input: { owner, balance } }) => Opened({ owner, balance }),
})

const move = Account.command('move', {
  input: z.object({ id: z.string(), by: z.int() }),
  target: ({ id }) => id,
  on: 'existing',
  may: 'anyone',
  decide: ({ input: { by }, rows }) => Moved({ by, balance: rows.account.balance + by }),
})

/** Moves money between two accounts; `breaks` throws between the two. */
const transfer = transactionalCommand('transfer', {
  input: z.object({ from: z.string(), to: z.string(), amount: z.int(), breaks: z.boolean() }),
  target: ({ from }) => from,
  may: 'anyone',
  rejections: { POOR: rule() },
  async run({ input: { from, to, amount, breaks }, load, emit, reject }) {
    // Everybody locks in one order, so that nobody waits in a circle.
    const [low, high] = from < to ? [from, to] : [to, from]
    const found = new Map([
      [low, await load(Account, low)],
      [high, await load(Account, high)],
    ])
    const payer = found.get(from)!.account
    const payee = found.get(to)!.account
    if (payer.balance < amount) return reject.POOR()
    await emit(Account, from, Moved({ by: -amount, balance: payer.balance - amount }))
    if (breaks) throw new Error('halfway')
    await emit(Account, to, Moved({ by: amount, balance: payee.balance + amount }))
    return undefined
  },
})

const Statement = z.object({ owner: z.string(), balance: z.int(), versions: z.array(z.int()) })

export interface AccountsOptions {
  /** Of the projection. Default: 1. */
  readonly version?: number
  /** Called with each movement that is folded; may throw. */
  readonly onFold?: (by: number) => void
}

/** The projection adds up movements on purpose, instead of copying the balance: what comes twice is counted twice. */
export function accountsApp({ version = 1, onFold }: AccountsOptions = {}) {
  const Statements = projection('statements', {
    version,
    from: Account.events,
    document: Statement,
    key: (e) => e.stream,
    on: {
      AccountOpened: (e) => ({ ...e.data, versions: [e.version] }),
      MoneyMoved(e, before) {
        onFold?.(e.data.by)
        return {
          owner: before!.owner,
          balance: before!.balance + e.data.by,
          versions: [...before!.versions, e.version],
        }
      },
    },
  })
  const statement = query('statement', {
    input: z.object({ id: z.string() }),
    reads: { statements: Statements },
    may: 'anyone',
    run: async ({ statements }, { id }) => (await statements.get(id)) ?? null,
  })
  return app({
    aggregates: { Account },
    commands: { open, move, transfer },
    projections: { Statements },
    queries: { statement },
  })
}

export type StatementDocument = z.infer<typeof Statement>
