import { Link, useLocation } from 'wouter'
import type { ListedOrder } from '../api.ts'
import { dateTime, money, shortId } from '../format.ts'
import { StatusBadge } from './status-badge.tsx'

/** A page of orders; on a phone each row becomes a card. */
export function OrderTable({ items }: { readonly items: readonly ListedOrder[] }) {
  return (
    <table className="table cards">
      <thead>
        <tr>
          <th scope="col">Order</th>
          <th scope="col">Items</th>
          <th scope="col">Placed</th>
          <th scope="col">Status</th>
          <th scope="col" className="num">
            Total
          </th>
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

function OrderRow({ order }: { readonly order: ListedOrder }) {
  const [, navigate] = useLocation()
  const href = `/orders/${order.orderId}`
  return (
    <tr
      className={`link ${order.pending === undefined ? '' : 'row-pending'}`}
      onClick={(event) => opens(event) && navigate(href)}
      data-testid="order-row"
    >
      <td>
        <Link
          href={href}
          className="primary mono"
          title={order.orderId}
          onClick={(event) => event.stopPropagation()}
        >
          …{shortId(order.orderId)}
        </Link>
        <div className="sub clip">
          <bdi>{order.reference ?? order.customerId}</bdi>
        </div>
      </td>
      <td className="wide hide-phone">
        <bdi className="title">{order.lines[0]?.title ?? '–'}</bdi>
        {order.lineCount > 1 ? (
          <span className="muted"> and {order.lineCount - 1} more</span>
        ) : null}
      </td>
      <td className="sub when">
        <time dateTime={order.placedAt}>{dateTime(order.placedAt)}</time>
      </td>
      <td>
        {order.pending === undefined ? (
          <StatusBadge status={order.status} />
        ) : (
          <span className="badge pending">{order.pending}</span>
        )}{' '}
        {order.late ? <span className="badge bad">late</span> : null}
      </td>
      <td className="num primary">{money(order.totalMinor, order.currency)}</td>
    </tr>
  )
}

/** A plain click on a row opens its order; selecting text in it, or asking for another tab, does not. */
function opens({ button, metaKey, ctrlKey, shiftKey }: React.MouseEvent): boolean {
  const selecting = getSelection()?.isCollapsed === false
  return button === 0 && !(metaKey || ctrlKey || shiftKey || selecting)
}
