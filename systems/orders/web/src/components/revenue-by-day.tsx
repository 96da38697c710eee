import type { QueryData } from '../api.ts'
import { money, utcDay } from '../format.ts'
import { lastDays } from '../revenue-days.ts'

const daysShown = 10

/** What was earned on each of the last days, in every currency. */
export function RevenueByDay({ days }: { readonly days: QueryData<'operations'>['revenueByDay'] }) {
  return (
    <section className="card" aria-labelledby="revenue">
      <div className="card-head">
        <h2 id="revenue">Revenue by day</h2>
        <span className="muted">UTC</span>
      </div>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Day</th>
            <th scope="col" className="num">
              Orders
            </th>
            <th scope="col" className="num">
              Revenue
            </th>
          </tr>
        </thead>
        {lastDays(days, daysShown).map(({ day, entries }) => (
          <tbody key={day} data-testid="revenue-day">
            {entries.map(({ currency, orders, revenueMinor }, i) => (
              <tr key={currency}>
                {i > 0 ? null : (
                  <th scope="rowgroup" rowSpan={entries.length}>
                    {utcDay(day)}
                  </th>
                )}
                <td className="num">{orders.toLocaleString()}</td>
                <td className="num primary">{money(revenueMinor, currency)}</td>
              </tr>
            ))}
          </tbody>
        ))}
      </table>
      {days.length === 0 ? <p className="card-note">No revenue yet.</p> : null}
    </section>
  )
}
