import type { OrderData } from '../api.ts'
import { dateTime } from '../format.ts'

/** What happened to an order, the oldest first; what the viewer just did comes last, until the read model has it. */
export function OrderTimeline({ order }: { readonly order: OrderData }) {
  return (
    <section className="card" aria-labelledby="timeline">
      <div className="card-head">
        <h2 id="timeline">Timeline</h2>
      </div>
      <div className="card-body">
        <ol className="timeline" data-testid="timeline">
          {order.timeline.map((entry, i) => (
            <li key={i} className={entry.pending === true ? 'pending' : ''}>
              <div dir="auto">{entry.text}</div>
              <div className="when">
                {entry.pending === true ? (
                  'being confirmed…'
                ) : (
                  <time dateTime={entry.at}>{dateTime(entry.at)}</time>
                )}
              </div>
            </li>
          ))}
        </ol>
      </div>
    </section>
  )
}
