import type { OrderData } from '../api.ts'
import { money } from '../format.ts'

/** The lines of an order with how much of each is shipped or cancelled. */
export function OrderLines({ order }: { readonly order: OrderData }) {
  return (
    <section className="card" aria-label="Lines">
      <table className="table cards">
        <thead>
          <tr>
            <th scope="col">Product</th>
            <th scope="col">Shipped</th>
            <th scope="col" className="num">
              Quantity
            </th>
            <th scope="col" className="num">
              Amount
            </th>
          </tr>
        </thead>
        <tbody>
          {order.lines.map((line) => (
            <tr key={line.line} data-testid="order-line">
              <td className="wide">
                <div className="primary" dir="auto">
                  {line.title}
                </div>
                <div className="sub">
                  <bdi className="mono">{line.sku}</bdi> · <bdi>{line.sellerId}</bdi>
                </div>
              </td>
              <td className="wide">
                <div
                  className="progress"
                  role="img"
                  aria-label={`${line.quantityShipped} shipped, ${line.quantityCancelled} cancelled of ${line.quantity}`}
                >
                  <i
                    className="done"
                    style={{ width: `${(100 * line.quantityShipped) / line.quantity}%` }}
                  />
                  <i
                    className="gone"
                    style={{ width: `${(100 * line.quantityCancelled) / line.quantity}%` }}
                  />
                </div>
                <div className="sub">{describe(line)}</div>
              </td>
              <td className="num">
                <bdi>{line.quantity.toLocaleString()}</bdi> ×{' '}
                <bdi>{money(line.unitMinor, order.currency)}</bdi>
              </td>
              <td className="num primary">
                {money(line.quantity * line.unitMinor, order.currency)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function describe(line: OrderData['lines'][number]): string {
  const open = line.quantity - line.quantityShipped - line.quantityCancelled
  const parts = [
    line.quantityShipped > 0 ? `${line.quantityShipped.toLocaleString()} shipped` : '',
    line.quantityCancelled > 0 ? `${line.quantityCancelled.toLocaleString()} cancelled` : '',
    open > 0 ? `${open.toLocaleString()} open` : '',
    line.quantityRequested > 0 && open > 0 ? 'cancellation requested' : '',
  ]
  return parts.filter((part) => part !== '').join(', ')
}
