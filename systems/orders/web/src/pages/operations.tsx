import { useEngineStatus, type QueryData } from '../api.ts'
import { DelayedNotice, FreshnessChip } from '../components/freshness-chip.tsx'
import { OrdersChart } from '../components/orders-chart.tsx'
import { Empty, LoadingRows, Problem } from '../components/page-states.tsx'
import { ProjectionGrid } from '../components/projection-grid.tsx'
import { RevenueByDay } from '../components/revenue-by-day.tsx'
import { StatusBadge } from '../components/status-badge.tsx'
import { count, span } from '../format.ts'
import { useSession } from '../session.ts'
import { useAnswer } from '../use-answer.ts'
import { usePageTitle } from '../use-page.ts'

/** How the business runs (from the read models) and how fresh the read models are (from the engine). */
export function Operations() {
  usePageTitle('Operations')
  if (useSession().role !== 'support')
    return <Empty level={1} title="Operations are for support" hint="Choose support above." />
  return <Board />
}

function Board() {
  const answer = useAnswer('operations', {})
  const status = useEngineStatus()
  const { data, error } = answer
  return (
    <>
      <div className="page-head">
        <h1>Operations</h1>
        <FreshnessChip of={answer} />
      </div>
      <DelayedNotice of={answer} />
      <div className="stack">
        {status.data === undefined ? (
          status.error === undefined ? null : (
            <Problem error={status.error} />
          )
        ) : (
          <ProjectionGrid status={status.data} old={status.error !== undefined} />
        )}
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

type OperationsData = QueryData<'operations'>

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
          <div className="value">
            {data.late.percent === null ? '–' : percent(data.late.percent)}
          </div>
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
            <thead className="visually-hidden">
              <tr>
                <th scope="col">Status</th>
                <th scope="col">Orders</th>
              </tr>
            </thead>
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
        <RevenueByDay days={data.revenueByDay} />
      </div>
    </>
  )
}

function percent(value: number): string {
  return (value / 100).toLocaleString(undefined, { style: 'percent', maximumFractionDigits: 1 })
}

function words(camel: string): string {
  const text = camel.replace(/([A-Z])/g, ' $1').toLowerCase()
  return text[0]!.toUpperCase() + text.slice(1)
}
