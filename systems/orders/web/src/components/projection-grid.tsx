import type { EngineStatusData } from '../api.ts'
import { ago } from '../format.ts'
import { StatusBadge } from './status-badge.tsx'

/** Every projection with its state, its lag in time and events, and where the time goes. */
export function ProjectionGrid({
  status,
  old,
}: {
  readonly status: EngineStatusData
  /** Nothing newer can be had: the figures are those of before. */
  readonly old: boolean
}) {
  return (
    <section className={`card ${old ? 'refreshing' : ''}`} aria-label="Read models">
      <div className="card-head">
        <h2>Read models</h2>
        <span className="grow" />
        <span className="chip" title="events committed but without a place in the log yet">
          log at {status.head.position} · {status.head.unsequenced.toLocaleString()} waiting ·
          sequencer {status.head.sequencer}
        </span>
      </div>
      {status.head.oldestTransaction === undefined ? null : (
        <p className="card-note" role="status" data-testid="old-transaction">
          A transaction of {status.head.oldestTransaction.application || 'an unnamed application'}{' '}
          (pid {status.head.oldestTransaction.pid}) has been open for{' '}
          {ago(status.head.oldestTransaction.ageMs)}: nothing that it may see is cleaned up.
        </p>
      )}
      <table className="table cards projections">
        <thead>
          <tr>
            <th scope="col">Projection</th>
            <th scope="col">State</th>
            <th scope="col" className="num">
              Lag
            </th>
            <th scope="col" className="num">
              Events behind
            </th>
            <th scope="col" className="num">
              Objective
            </th>
            <th scope="col" className="num">
              Position
            </th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(status.projections).map(([name, one]) => (
            <ProjectionRow key={name} name={name} one={one} />
          ))}
        </tbody>
      </table>
    </section>
  )
}

function ProjectionRow({
  name,
  one,
}: {
  readonly name: string
  readonly one: EngineStatusData['projections'][string]
}) {
  return (
    <tr data-testid="projection-row">
      <td>
        <div className="primary">{name}</div>
        <div className="sub">
          version {one.version} in {one.store}
        </div>
        {one.lastError === undefined ? null : (
          <div className="sub wrong" dir="auto">
            {one.lastError}
          </div>
        )}
      </td>
      <td>
        <StatusBadge status={one.state} />
        {one.parkedKeys > 0 ? <span className="badge warn">{one.parkedKeys} parked</span> : null}
      </td>
      <td className="num" data-label="Lag">
        <span className={one.sloBroken ? 'badge bad' : ''}>{ago(one.lagMs)}</span>
        <div className="sub" title="commit to sequenced, sequenced to applied, applied to visible">
          {[one.lagParts.sequenced, one.lagParts.applied, one.lagParts.visible]
            .map((ms) => Math.round(ms))
            .join(' + ')}{' '}
          ms
        </div>
      </td>
      <td className="num" data-label="Events behind">
        {one.lagEvents.toLocaleString()}
      </td>
      <td className="num sub" data-label="Objective">
        {ago(one.sloMs)}
      </td>
      <td className="num mono" data-label="Position">
        {one.position}
      </td>
    </tr>
  )
}
