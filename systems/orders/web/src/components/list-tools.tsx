import { useEffect, useState } from 'react'
import {
  isFiltered,
  statuses,
  textMax,
  type ListFilterActions,
  type ListFilters,
  type Status,
} from '../list-filters.ts'

/** Search box and facets of the order list, with how many orders each status has. */
export function ListTools({
  filters,
  actions,
  counts,
}: {
  readonly filters: ListFilters
  readonly actions: ListFilterActions
  readonly counts: Readonly<Record<Status, number>> | undefined
}) {
  return (
    <div className="card-head list-tools">
      <SearchBox value={filters.text} onChange={actions.search} />
      <div className="facets" role="group" aria-label="Filters">
        {statuses.map((status) => (
          <button
            key={status}
            type="button"
            className="facet"
            aria-pressed={filters.status.includes(status)}
            onClick={() => actions.toggleStatus(status)}
          >
            {status.replace('-', ' ')}
            {counts === undefined ? null : <b>{counts[status].toLocaleString()}</b>}
          </button>
        ))}
        <button
          type="button"
          className="facet"
          aria-pressed={filters.late}
          onClick={actions.toggleLate}
        >
          late
        </button>
        {isFiltered(filters) ? (
          <button type="button" className="facet clear" onClick={actions.clear}>
            Clear all
          </button>
        ) : null}
      </div>
    </div>
  )
}

const restMs = 250

/** Typing asks once the fingers rest: each keystroke would be a query. */
function SearchBox({
  value,
  onChange,
}: {
  readonly value: string
  readonly onChange: (value: string) => void
}) {
  const [{ draft, from }, setTyped] = useState({ draft: value, from: value })
  // The address changed by other means (a link, the back button): it wins.
  if (from !== value) setTyped({ draft: value, from: value })
  useEffect(() => {
    if (draft.trim() === value) return
    const timer = setTimeout(() => onChange(draft.trim()), restMs)
    return () => clearTimeout(timer)
  })
  return (
    <label className="search">
      <span className="visually-hidden">Search orders</span>
      <input
        className="input"
        type="search"
        maxLength={textMax}
        placeholder="Search order, product or tracking number"
        value={draft}
        onChange={(event) => setTyped({ draft: event.target.value, from: value })}
        data-testid="search"
      />
    </label>
  )
}
