import { useState } from 'react'
import { Link, useSearchParams } from 'wouter'
import { useAnswer, type QueryData } from '../api.ts'
import { DelayedNotice, FreshnessChip } from '../components/freshness-chip.tsx'
import { Empty, LoadingRows, Problem } from '../components/page-states.tsx'
import { day, shortId } from '../format.ts'
import { useSession } from '../session.ts'

/** What a seller has to ship, the most urgent first. */
export function SellerQueue() {
  const { role, id } = useSession()
  const [params, setParams] = useSearchParams()
  const sellerId = role === 'seller' ? id : (params.get('seller') ?? '')
  if (role === 'customer')
    return <Empty title="The queue is for sellers" hint="Choose a seller or support above." />
  return (
    <>
      {role === 'support' ? (
        <SellerChooser value={sellerId} onChange={(next) => setParams({ seller: next })} />
      ) : null}
      {sellerId === '' ? (
        <Empty title="Which seller?" hint="Enter a seller id to see their open lines." />
      ) : (
        <Queue sellerId={sellerId} />
      )}
    </>
  )
}

function SellerChooser({
  value,
  onChange,
}: {
  readonly value: string
  readonly onChange: (value: string) => void
}) {
  const [draft, setDraft] = useState(value)
  return (
    <form
      className="page-head"
      onSubmit={(event) => {
        event.preventDefault()
        onChange(draft.trim())
      }}
    >
      <label className="search">
        <span className="visually-hidden">Seller id</span>
        <input
          className="input"
          placeholder="Seller id"
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
        />
      </label>
      <button type="submit" className="button">
        Show queue
      </button>
    </form>
  )
}

const countNames = {
  open: 'Open lines',
  toShip: 'To ship',
  late: 'Late',
  awaitingPayment: 'Awaiting payment',
  cancellationRequested: 'Cancellation requested',
} as const

function Queue({ sellerId }: { readonly sellerId: string }) {
  const [cursors, setCursors] = useState<readonly string[]>([])
  const cursor = cursors.at(-1)
  const answer = useAnswer('sellerQueue', {
    sellerId,
    limit: 30,
    ...(cursor === undefined ? {} : { cursor }),
  })
  const { data, meta, error } = answer
  if (data === undefined)
    return error === undefined ? <LoadingRows /> : <Problem error={error} retry={answer.refetch} />
  return (
    <>
      <div className="page-head">
        <h1>Queue of {sellerId}</h1>
        <FreshnessChip meta={meta} />
      </div>
      <DelayedNotice meta={meta} />
      <div className="tiles queue-tiles">
        {(Object.keys(countNames) as (keyof typeof countNames)[]).map((name) => (
          <div key={name} className="card tile">
            <div className="label">{countNames[name]}</div>
            <div className="value">{data.counts[name].toLocaleString()}</div>
          </div>
        ))}
      </div>
      <section className="card">
        {data.items.length === 0 ? (
          <Empty title="Nothing to ship" hint="New orders appear here by due date." />
        ) : (
          <QueueTable items={data.items} now={meta?.asOf ?? ''} />
        )}
        <div className="pager">
          <button
            type="button"
            className="button small"
            disabled={cursors.length === 0}
            onClick={() => setCursors(cursors.slice(0, -1))}
          >
            Back
          </button>
          <button
            type="button"
            className="button small"
            disabled={data.nextCursor === null}
            onClick={() => setCursors([...cursors, data.nextCursor ?? ''])}
          >
            More
          </button>
        </div>
      </section>
    </>
  )
}

type OpenLine = QueryData<'sellerQueue'>['items'][number]

function QueueTable({ items, now }: { readonly items: readonly OpenLine[]; readonly now: string }) {
  return (
    <table className="table cards">
      <thead>
        <tr>
          <th>Due</th>
          <th>Product</th>
          <th>Order</th>
          <th className="num">Open</th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <tr key={`${item.orderId}:${item.line}`} data-testid="queue-row">
            <td>
              <span className={item.paid && item.dueAt < now ? 'badge bad' : 'badge info'}>
                {day(item.dueAt)}
              </span>
            </td>
            <td className="wide">
              <div className="primary">{item.title}</div>
              <div className="sub">
                <span className="mono">{item.sku}</span> · {item.state.replaceAll('-', ' ')}
              </div>
            </td>
            <td>
              <Link href={`/orders/${item.orderId}`} className="mono">
                …{shortId(item.orderId)}
              </Link>
            </td>
            <td className="num primary">{item.quantityOpen}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
