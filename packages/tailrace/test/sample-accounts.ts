import { aggregate, conflict, event, many, rule, table } from 'tailrace'
import { z } from 'zod'

// The smallest aggregate that has everything to get wrong: a root, a child table, two events, two kinds of rejections.

export const Opened = event('Opened', z.object({ owner: z.string() }))
export const Entered = event('Entered', z.object({ line: z.int(), cents: z.int() }))
/** Belongs to no aggregate. */
export const Stranger = event('Stranger', z.object({ x: z.int() }))

export const AccountRow = z.object({
  id: z.string(),
  version: z.int(),
  owner: z.string(),
  cents: z.int(),
})
export const EntryRow = z.object({ accountId: z.string(), line: z.int(), cents: z.int() })

export const accountTables = {
  account: table('accounts', AccountRow),
  entries: many('entries', EntryRow, ['accountId', 'line']),
}

export const Account = aggregate('account', {
  id: z.string(),
  rows: accountTables,
  events: [Opened, Entered],
  write: {
    Opened: ({ data }, to) => [to.account.insert({ owner: data.owner, cents: 0 })],
    Entered: ({ data, id }, to) => [
      to.entries.insert({ accountId: id, line: data.line, cents: data.cents }),
    ],
  },
})

export const enter = Account.command('enter', {
  input: z.object({ id: z.string(), cents: z.int() }),
  target: (input) => input.id,
  on: 'existing',
  may: ({ actor, rows }) => rows.account.owner === actor.id,
  rejections: { CLOSED: conflict(), TOO_LITTLE: rule(z.object({ missing: z.int() })) },
  decide({ input, rows, reject }) {
    if (rows.account.cents + input.cents < 0)
      return reject.TOO_LITTLE({ missing: -input.cents - rows.account.cents })
    return Entered({ line: rows.entries.length + 1, cents: input.cents })
  },
})
