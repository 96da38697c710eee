import { Link } from 'wouter'
import { useAnswer, type OrderData } from '../api.ts'
import { DelayedNotice, FreshnessChip } from '../components/freshness-chip.tsx'
import { OrderActions } from '../components/order-actions.tsx'
import { OrderLines } from '../components/order-lines.tsx'
import { Empty, LoadingRows, Problem } from '../components/page-states.tsx'
import { StatusBadge } from '../components/status-badge.tsx'
import { dateTime, day, money, shortId } from '../format.ts'

/** One order: what it holds, what happened, and what its viewer may do next. */
export function OrderPage({ orderId }: { readonly orderId: string }) {
  const answer = useAnswer('order', { orderId })
  const { data: order, meta, error } = answer
  if (order === undefined)
    return error === undefined ? <LoadingRows /> : <Problem error={error} retry={answer.refetch} />
  if (order === null)
    return (
      <Empty
        title="There is no such order"
        hint="It may belong to somebody else, or the address is wrong."
      />
    )
  return (
    <>
      <p className="muted crumb">
        <Link href="/">Orders</Link> / …{shortId(orderId)}
      </p>
      <div className="page-head">
        <h1>Order …{shortId(orderId)}</h1>
        <StatusBadge status={order.status} />
        <FreshnessChip meta={meta} />
      </div>
      <DelayedNotice meta={meta} />
      <div className="two">
        <div className="stack">
          <OrderLines order={order} />
          <Parcels order={order} />
          <Payments order={order} />
        </div>
        <div className="stack">
          <Summary order={order} />
          <OrderActions order={order} refetch={answer.refetch} />
          <Timeline order={order} />
        </div>
      </div>
    </>
  )
}

function Summary({ order }: { readonly order: OrderData }) {
  const due = order.totalMinor - order.paidMinor
  return (
    <section className="card">
      <div className="card-body facts">
        <span className="muted">Customer</span>
        <span>{order.customerId}</span>
        <span className="muted">Placed</span>
        <span>{dateTime(order.placedAt)}</span>
        <span className="muted">Total</span>
        <strong>{money(order.totalMinor, order.currency)}</strong>
        <span className="muted">Paid</span>
        <span>{money(order.paidMinor, order.currency)}</span>
        {due > 0 && order.status === 'placed' ? (
          <>
            <span className="muted">Open</span>
            <strong>{money(due, order.currency)}</strong>
          </>
        ) : null}
      </div>
    </section>
  )
}

function Timeline({ order }: { readonly order: OrderData }) {
  return (
    <section className="card">
      <div className="card-head">
        <h2>Timeline</h2>
      </div>
      <div className="card-body">
        <ol className="timeline" data-testid="timeline">
          {order.timeline.map((entry, i) => (
            <li key={i} className={entry.pending === true ? 'pending' : ''}>
              <div>{entry.text}</div>
              <div className="when">
                {entry.pending === true ? 'being confirmed…' : dateTime(entry.at)}
              </div>
            </li>
          ))}
        </ol>
      </div>
    </section>
  )
}

function Parcels({ order }: { readonly order: OrderData }) {
  if (order.shipments.length === 0 && order.returns.length === 0) return null
  return (
    <section className="card">
      <div className="card-head">
        <h2>Parcels</h2>
      </div>
      <table className="table cards">
        <tbody>
          {order.shipments.map((parcel) => (
            <tr key={parcel.shipmentId}>
              <td className="primary">{parcel.carrier}</td>
              <td className="mono sub">{parcel.tracking}</td>
              <td className="sub">shipped {day(parcel.shippedAt)}</td>
              <td className="num">
                <StatusBadge status={parcel.deliveredAt == null ? 'shipped' : 'delivered'} />
              </td>
            </tr>
          ))}
          {order.returns.map((back) => (
            <tr key={back.returnId}>
              <td className="primary">Return</td>
              <td className="sub">{back.reason}</td>
              <td className="sub">
                {back.items.map((item) => `line ${item.line} × ${item.quantity}`).join(', ')}
              </td>
              <td className="num sub">{back.outcome ?? 'under way'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Payments({ order }: { readonly order: OrderData }) {
  if (order.payments.length === 0) return null
  return (
    <section className="card">
      <div className="card-head">
        <h2>Payments</h2>
      </div>
      <table className="table cards">
        <tbody>
          {order.payments.map((payment) => (
            <tr key={payment.paymentId}>
              <td className="primary">{payment.method}</td>
              <td className="num">{money(payment.amountMinor, order.currency)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
