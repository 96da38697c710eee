import { useEffect, useState } from 'react'
import { Link, useLocation, useSearchParams } from 'wouter'
import { useAnswer } from '../api.ts'
import { DelayedNotice, FreshnessChip } from '../components/freshness-chip.tsx'
import { Empty, LoadingRows, Problem } from '../components/page-states.tsx'
import { StatusBadge } from '../components/status-badge.tsx'
import { count, dateTime, money, shortId } from '../format.ts'
import { session } from '../session.ts'

const statuses = [
  'placed',
  'paid',
  'partially-shipped',
  'shipped',
  'delivered',
  'cancelled',
  'expired',
] as const
type Status = (typeof statuses)[number]
const pageSize = 25

/** Orders with search, facets and exact paging. Every filter lives in the address, so a view can be shared. */
export function OrderList() {
  const [params, setParams] = useSearchParams()
  const text = params.get('q') ?? ''
  const chosen = params
    .getAll('status')
    .filter((one): one is Status => statuses.includes(one as Status))
  const late = params.get('late') === '1'
  const cursor = params.get('after') ?? undefined
  const answer = useAnswer('searchOrders', {
    ...(text === '' ? {} : { text }),
    ...(chosen.length === 0 ? {} : { status: chosen }),
    ...(late ? { late: true } : {}),
    ...(cursor === undefined ? {} : { cursor }),
    limit: pageSize,
  })
  const set = (change: (next: URLSearchParams) => void): void =>
    setParams((before) => {
      const next = new URLSearchParams(before)
      next.delete('after')
      change(next)
      return next
    })
  const toggle = (status: Status): void =>
    set((next) => {
      const kept = next.getAll('status').filter((one) => one !== status)
      next.delete('status')
      for (const one of chosen.includes(status) ? kept : [...kept, status])
        next.append('status', one)
    })
  const { data, meta, error } = answer
  return (
    <>
      <div className="page-head">
        <h1>Orders</h1>
        <FreshnessChip meta={meta} />
        <span className="grow" />
        {session().role === 'seller' ? null : (
          <Link href="/place" className="button primary">
            Place order
          </Link>
        )}
      </div>
      <DelayedNotice meta={meta} />
      <section className="card" aria-label="Orders">
        <div className="card-head list-tools">
          <SearchBox
            value={text}
            onChange={(value) =>
              set((next) => (value === '' ? next.delete('q') : next.set('q', value)))
            }
          />
          <div className="facets" role="group" aria-label="Status">
            {statuses.map((status) => (
              <button
                key={status}
                type="button"
                className="facet"
                aria-pressed={chosen.includes(status)}
                onClick={() => toggle(status)}
              >
                {status.replace('-', ' ')}
                <b>{data?.facets.status[status] ?? 0}</b>
              </button>
            ))}
            <button
              type="button"
              className="facet"
              aria-pressed={late}
              onClick={() => set((next) => (late ? next.delete('late') : next.set('late', '1')))}
            >
              late
            </button>
          </div>
        </div>
        {error !== undefined && data === undefined ? (
          <Problem error={error} retry={answer.refetch} />
        ) : null}
        {data === undefined && error === undefined ? <LoadingRows /> : null}
        {data !== undefined && data.items.length === 0 ? (
          <Empty
            title="No orders match"
            hint={
              text === '' && chosen.length === 0
                ? 'Place the first one, or wait for the traffic to arrive.'
                : 'Try fewer words or another status.'
            }
          />
        ) : null}
        {data !== undefined && data.items.length > 0 ? (
          <>
            <OrderTable items={data.items} />
            <div className="pager">
              <span>{data.total === undefined ? '' : count(data.total, 'order')}</span>
              <span className="actions">
                {cursor === undefined ? null : (
                  <button
                    type="button"
                    className="button small"
                    onClick={() => set(() => undefined)}
                  >
                    Newest
                  </button>
                )}
                <button
                  type="button"
                  className="button small"
                  disabled={data.nextCursor == null}
                  onClick={() => set((next) => next.set('after', data.nextCursor ?? ''))}
                >
                  Older
                </button>
              </span>
            </div>
          </>
        ) : null}
      </section>
    </>
  )
}

interface ListedOrder {
  readonly orderId: string
  readonly customerId: string
  readonly status: string
  readonly currency: string
  readonly totalMinor: number
  readonly placedAt: string
  readonly lines: readonly { readonly title: string }[]
  readonly pending?: boolean
}

function OrderTable({ items }: { readonly items: readonly ListedOrder[] }) {
  const [, navigate] = useLocation()
  return (
    <table className="table cards">
      <thead>
        <tr>
          <th>Order</th>
          <th>Items</th>
          <th>Placed</th>
          <th>Status</th>
          <th className="num">Total</th>
        </tr>
      </thead>
      <tbody>
        {items.map((order) => (
          <tr
            key={order.orderId}
            className={`link ${order.pending === true ? 'row-pending' : ''}`}
            onClick={() => navigate(`/orders/${order.orderId}`)}
            data-testid="order-row"
          >
            <td>
              <Link
                href={`/orders/${order.orderId}`}
                className="primary mono"
                onClick={(event) => event.stopPropagation()}
              >
                …{shortId(order.orderId)}
              </Link>
              <div className="sub">{order.customerId}</div>
            </td>
            <td className="wide hide-phone">
              {order.lines[0]?.title ?? '–'}
              {order.lines.length > 1 ? (
                <span className="muted"> and {order.lines.length - 1} more</span>
              ) : null}
            </td>
            <td className="sub">{dateTime(order.placedAt)}</td>
            <td>
              <StatusBadge status={order.status} />
            </td>
            <td className="num primary">{money(order.totalMinor, order.currency)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Typing asks once the fingers rest: each keystroke would be a query. */
function SearchBox({
  value,
  onChange,
}: {
  readonly value: string
  readonly onChange: (value: string) => void
}) {
  const [{ draft, from }, setTyped] = useState({ draft: value, from: value })
  // The address changed by other means (a link, the back button): it wins.
  if (from !== value) setTyped({ draft: value, from: value })
  const setDraft = (next: string): void => setTyped({ draft: next, from: value })
  useEffect(() => {
    if (draft === value) return
    const timer = setTimeout(() => onChange(draft.trim()), 250)
    return () => clearTimeout(timer)
  })
  return (
    <label className="search">
      <span className="visually-hidden">Search orders</span>
      <input
        className="input"
        type="search"
        placeholder="Search order, product or tracking number"
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        data-testid="search"
      />
    </label>
  )
}
