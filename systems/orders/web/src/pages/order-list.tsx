import { Link } from 'wouter'
import { useAnswer, type QueryData } from '../api.ts'
import { DelayedNotice, FreshnessChip } from '../components/freshness-chip.tsx'
import { ListTools } from '../components/list-tools.tsx'
import { OrderTable } from '../components/order-table.tsx'
import { Empty, LoadingRows, Problem } from '../components/page-states.tsx'
import { count } from '../format.ts'
import {
  searchInput,
  useListFilters,
  type ListFilterActions,
  type ListFilters,
} from '../list-filters.ts'
import { session } from '../session.ts'

/** Orders with search, facets and exact paging. */
export function OrderList() {
  const [filters, actions] = useListFilters()
  const { data, meta, error, refetch } = useAnswer('searchOrders', searchInput(filters))
  return (
    <>
      <div className="page-head">
        <h1>Orders</h1>
        <FreshnessChip meta={meta} />
        <span className="grow" />
        {session().role === 'seller' ? null : (
          <Link href="/place" className="button primary">
            Place order
          </Link>
        )}
      </div>
      <DelayedNotice meta={meta} />
      <section className="card" aria-label="Orders">
        <ListTools filters={filters} actions={actions} counts={data?.facets.status} />
        {data !== undefined ? (
          <Found data={data} filters={filters} actions={actions} />
        ) : error === undefined ? (
          <LoadingRows />
        ) : (
          <Problem error={error} retry={refetch} />
        )}
      </section>
    </>
  )
}

function Found({
  data,
  filters,
  actions,
}: {
  readonly data: QueryData<'searchOrders'>
  readonly filters: ListFilters
  readonly actions: ListFilterActions
}) {
  const { items, total, nextCursor } = data
  if (items.length === 0) {
    const unfiltered = filters.text === '' && filters.status.length === 0 && !filters.late
    return (
      <Empty
        title="No orders match"
        hint={
          unfiltered
            ? 'Place the first one, or wait for the traffic to arrive.'
            : 'Try fewer words or another status.'
        }
      />
    )
  }
  return (
    <>
      <OrderTable items={items} />
      <div className="pager">
        <span>{count(total, 'order')}</span>
        <span className="actions">
          {filters.cursor === undefined ? null : (
            <button type="button" className="button small" onClick={() => actions.page(undefined)}>
              Newest
            </button>
          )}
          <button
            type="button"
            className="button small"
            disabled={nextCursor === null}
            onClick={() => actions.page(nextCursor ?? undefined)}
          >
            Older
          </button>
        </span>
      </div>
    </>
  )
}
