import { Link, useLocation } from 'wouter'
import type { QueryData } from '../api.ts'
import { dateTime, money, shortId } from '../format.ts'
import { StatusBadge } from './status-badge.tsx'

type Listed = QueryData<'searchOrders'>['items'][number]

/** A page of orders; on a phone each row becomes a card. */
export function OrderTable({ items }: { readonly items: readonly Listed[] }) {
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
          <OrderRow key={order.orderId} order={order} />
        ))}
      </tbody>
    </table>
  )
}

function OrderRow({ order }: { readonly order: Listed }) {
  const [, navigate] = useLocation()
  const href = `/orders/${order.orderId}`
  return (
    <tr className="link" onClick={() => navigate(href)} data-testid="order-row">
      <td>
        <Link href={href} className="primary mono" onClick={(event) => event.stopPropagation()}>
          …{shortId(order.orderId)}
        </Link>
        <div className="sub">{order.reference ?? order.customerId}</div>
      </td>
      <td className="wide hide-phone">
        {order.lines[0]?.title ?? '–'}
        {order.lineCount > 1 ? (
          <span className="muted"> and {order.lineCount - 1} more</span>
        ) : null}
      </td>
      <td className="sub">{dateTime(order.placedAt)}</td>
      <td>
        <StatusBadge status={order.status} />{' '}
        {order.late ? <span className="badge bad">late</span> : null}
      </td>
      <td className="num primary">{money(order.totalMinor, order.currency)}</td>
    </tr>
  )
}
