import { aggregate, conflict, event, rule, table } from 'tailrace'
import { test } from 'tailrace/testing'
import * as z from 'zod'

const Opened = event('AccountOpened', z.object({ owner: z.string() }))
const Closed = event('AccountClosed', z.object({ reason: z.string() }))
const Row = z.object({
  id: z.string(),
  version: z.int(),
  owner: z.string(),
  status: z.enum(['open', 'closed']),
})

const Account = aggregate('account', {
  id: z.string(),
  rows: { account: table('accounts', Row) },
  events: [Opened, Closed],
  write: {
    AccountOpened: ({ data }, to) => [to.account.insert({ owner: data.owner, status: 'open' })],
    AccountClosed: (_, to) => [to.account.update({ status: 'closed' })],
  },
})

const closeAccount = Account.command('closeAccount', {
  input: z.object({ id: z.string(), reason: z.string() }),
  target: (input) => input.id,
  on: 'existing',
  may: ({ actor }) => actor.role === 'support',
  rejections: { ALREADY_CLOSED: conflict(), NO_REASON: rule() },
  decide: ({ input, rows, reject }) => {
    if (rows.account.status === 'closed') return reject.ALREADY_CLOSED()
    return input.reason === '' ? reject.NO_REASON() : Closed({ reason: input.reason })
  },
})

const opened = Opened({ owner: 'Ada' })
const closed = Closed({ reason: 'moved' })
const close = closeAccount.call({ id: 'a-1', reason: 'moved' })

test(Account).given(opened).when(close).then(closed)
test(Account).given(opened, closed).when(close).rejects('ALREADY_CLOSED')
test(Account)
  .given(opened)
  .when(close, { actor: { role: 'customer', id: 'c-1' } })
  .refuses('NOT_ALLOWED')
