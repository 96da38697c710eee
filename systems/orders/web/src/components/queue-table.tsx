import { Link } from 'wouter'
import type { QueuedLine } from '../api.ts'
import { day, shortId } from '../format.ts'

/** A page of a seller's open lines; on a phone each row becomes a card. */
export function QueueTable({
  items,
  now,
}: {
  readonly items: readonly QueuedLine[]
  /** When the answer was true, which tells what is late. */
  readonly now: string
}) {
  return (
    <table className="table cards">
      <thead>
        <tr>
          <th scope="col">Due</th>
          <th scope="col">Product</th>
          <th scope="col">Order</th>
          <th scope="col" className="num">
            Open
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <QueueRow key={`${item.orderId}:${item.line}`} item={item} now={now} />
        ))}
      </tbody>
    </table>
  )
}

function QueueRow({ item, now }: { readonly item: QueuedLine; readonly now: string }) {
  const late = item.paid && item.dueAt < now
  return (
    <tr className={item.pending === undefined ? '' : 'row-pending'} data-testid="queue-row">
      <td>
        <span className={late ? 'badge bad' : 'badge info'}>
          {day(item.dueAt)}
          {late ? ', late' : ''}
        </span>
      </td>
      <td className="wide">
        <div className="primary" dir="auto">
          {item.title}
        </div>
        <div className="sub">
          <bdi className="mono">{item.sku}</bdi> · {item.pending ?? item.state.replaceAll('-', ' ')}
        </div>
      </td>
      <td>
        <Link href={`/orders/${item.orderId}`} className="mono" title={item.orderId}>
          …{shortId(item.orderId)}
        </Link>
      </td>
      <td className="num primary">
        {item.quantityOpen.toLocaleString()}
        <span className="unit"> open</span>
      </td>
    </tr>
  )
}
