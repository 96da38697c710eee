import { useAnswer, useEngineStatus } from '../api.ts'
import { DelayedNotice, FreshnessChip } from '../components/freshness-chip.tsx'
import { OrdersChart } from '../components/orders-chart.tsx'
import { LoadingRows, Problem } from '../components/page-states.tsx'
import { ProjectionGrid } from '../components/projection-grid.tsx'
import { StatusBadge } from '../components/status-badge.tsx'
import { count, money, span } from '../format.ts'

/** How the business runs (from the read models) and how fresh the read models are (from the engine). */
export function Operations() {
  const answer = useAnswer('operations', {})
  const status = useEngineStatus()
  const { data, meta, error } = answer
  return (
    <>
      <div className="page-head">
        <h1>Operations</h1>
        <FreshnessChip meta={meta} />
      </div>
      <DelayedNotice meta={meta} />
      <div className="stack">
        {status.error === undefined ? null : <Problem error={status.error} />}
        {status.data === undefined ? null : <ProjectionGrid status={status.data} />}
        {data === undefined ? (
          error === undefined ? (
            <LoadingRows />
          ) : (
            <Problem error={error} retry={answer.refetch} />
          )
        ) : (
          <Business data={data} />
        )}
      </div>
    </>
  )
}

type OperationsData = NonNullable<ReturnType<typeof useAnswer<'operations'>>['data']>

function Business({ data }: { readonly data: OperationsData }) {
  const lastMinute = data.ordersPerMinute.at(-2)?.orders ?? data.ordersPerMinute.at(-1)?.orders ?? 0
  return (
    <>
      <div className="tiles">
        <div className="card tile">
          <div className="label">Orders, last full minute</div>
          <div className="value">{lastMinute.toLocaleString()}</div>
        </div>
        <div className="card tile">
          <div className="label">Late</div>
          <div className="value">{data.late.percent === null ? '–' : `${data.late.percent} %`}</div>
          <div className="sub">
            {`${data.late.orders.toLocaleString()} of ${count(data.late.open, 'order')} to ship`}
          </div>
        </div>
        {Object.entries(data.funnel).map(([name, { p50, p95 }]) => (
          <div key={name} className="card tile">
            <div className="label">{words(name)}</div>
            <div className="value">{p50 == null ? '–' : span(p50)}</div>
            <div className="sub">{p95 == null ? 'no data yet' : `95 % within ${span(p95)}`}</div>
          </div>
        ))}
      </div>
      <section className="card">
        <div className="card-head">
          <h2>Orders per minute</h2>
        </div>
        <div className="card-body">
          <OrdersChart points={data.ordersPerMinute} />
        </div>
      </section>
      <div className="two even">
        <section className="card">
          <div className="card-head">
            <h2>By status</h2>
          </div>
          <table className="table">
            <tbody>
              {Object.entries(data.byStatus).map(([status, orders]) => (
                <tr key={status}>
                  <td>
                    <StatusBadge status={status} />
                  </td>
                  <td className="num primary">{orders.toLocaleString()}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        <section className="card">
          <div className="card-head">
            <h2>Revenue by day</h2>
          </div>
          <table className="table">
            <tbody>
              {data.revenueByDay.slice(-10).map(({ day, currency, revenueMinor }) => (
                <tr key={`${day}:${currency}`}>
                  <td>{day}</td>
                  <td className="num primary">{money(revenueMinor, currency)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </div>
    </>
  )
}

function words(camel: string): string {
  const text = camel.replace(/([A-Z])/g, ' $1').toLowerCase()
  return text[0]!.toUpperCase() + text.slice(1)
}
