import type { OrderData } from '../api.ts'
import { dateTime, day, money } from '../format.ts'
import { StatusBadge } from './status-badge.tsx'

/** What was sent, and what came back. */
export function Parcels({ order }: { readonly order: OrderData }) {
  if (order.shipments.length === 0 && order.returns.length === 0) return null
  return (
    <section className="card" aria-labelledby="parcels">
      <div className="card-head">
        <h2 id="parcels">Parcels</h2>
      </div>
      <table className="table cards">
        <tbody>
          {order.shipments.map((parcel) => (
            <tr key={parcel.shipmentId}>
              <td className="primary">
                <bdi>{parcel.carrier}</bdi>
              </td>
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
              <td className="sub">{words(back.reason)}</td>
              <td className="sub">
                {back.items.map((item) => `line ${item.line} × ${item.quantity}`).join(', ')}
              </td>
              <td className="num sub">
                {back.outcome == null ? 'under way' : words(back.outcome)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** What was paid and when, and what of it goes back. */
export function Payments({ order }: { readonly order: OrderData }) {
  if (order.payments.length === 0) return null
  return (
    <section className="card" aria-labelledby="payments">
      <div className="card-head">
        <h2 id="payments">Payments</h2>
      </div>
      <table className="table cards">
        <tbody>
          {order.payments.map((payment) => (
            <tr key={payment.paymentId}>
              <td className="primary">{words(payment.method)}</td>
              <td className="sub">{dateTime(payment.paidAt)}</td>
              <td>{payment.state === 'refund-due' ? <StatusBadge status="refund-due" /> : null}</td>
              <td className="num">{money(payment.amountMinor, order.currency)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** A code of the rules as people would write it: `REQUESTED_BY_CUSTOMER` is "Requested by customer". */
function words(code: string): string {
  const text = code.toLowerCase().replaceAll(/[_-]/g, ' ')
  return text[0]!.toUpperCase() + text.slice(1)
}
