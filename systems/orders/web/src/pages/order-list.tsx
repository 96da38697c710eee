import { useState } from 'react'
import { Link } from 'wouter'
import type { QueryData } from '../api.ts'
import { DelayedNotice, FreshnessChip } from '../components/freshness-chip.tsx'
import { ListTools } from '../components/list-tools.tsx'
import { OrderTable } from '../components/order-table.tsx'
import { Empty, LoadingRows, Problem } from '../components/page-states.tsx'
import { Pager } from '../components/pager.tsx'
import {
  isFiltered,
  pageSize,
  searchInput,
  useListFilters,
  type ListFilterActions,
  type ListFilters,
} from '../list-filters.ts'
import { session } from '../session.ts'
import { useAnswer } from '../use-answer.ts'
import { usePageTitle } from '../use-page.ts'

/** Orders with search, facets and exact paging. */
export function OrderList() {
  usePageTitle('Orders')
  const [filters, actions] = useListFilters()
  const answer = useAnswer('searchOrders', searchInput(filters))
  const { data, error, refetch } = answer
  const before = useBefore(data)
  const shown = data ?? (error === undefined ? before : undefined)
  return (
    <>
      <div className="page-head">
        <h1>Orders</h1>
        <FreshnessChip of={answer} />
        <span className="grow" />
        {session().role === 'seller' ? null : (
          <Link href="/place" className="button primary">
            Place order
          </Link>
        )}
      </div>
      <DelayedNotice of={answer} />
      <section className="card" aria-label="Orders">
        <ListTools filters={filters} actions={actions} counts={shown?.facets.status} />
        {shown !== undefined ? (
          <div className={data === undefined ? 'refreshing' : ''} aria-busy={data === undefined}>
            <Found data={shown} filters={filters} actions={actions} />
          </div>
        ) : error === undefined ? (
          <LoadingRows />
        ) : (
          <div className="card-body stack tight">
            <Problem error={error} retry={refetch} />
            {filters.cursor === undefined ? null : <ToFirst actions={actions} />}
          </div>
        )}
      </section>
    </>
  )
}

/** The former answer, to stay on screen while another question is asked: nothing jumps while one types. */
function useBefore<D>(data: D | undefined): D | undefined {
  const [before, setBefore] = useState(data)
  if (data !== undefined && data !== before) setBefore(data)
  return data ?? before
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
  if (items.length === 0 && filters.cursor !== undefined)
    return (
      <Empty title="Nothing on this page any more">
        <ToFirst actions={actions} />
      </Empty>
    )
  if (items.length === 0)
    return isFiltered(filters) ? (
      <Empty title="No orders match" hint="Try fewer words or another status.">
        <button type="button" className="button" onClick={actions.clear}>
          Show all orders
        </button>
      </Empty>
    ) : (
      <Empty title="No orders yet" hint="They appear here as soon as they are placed." />
    )
  return (
    <>
      <OrderTable items={items} />
      <Pager
        cursor={filters.cursor}
        nextCursor={nextCursor}
        total={total}
        size={pageSize}
        shown={items.length}
        words={{
          first: 'Newest',
          back: 'Newer',
          next: 'Older',
          of: total === 1 ? 'order' : 'orders',
        }}
        go={actions.page}
      />
    </>
  )
}

function ToFirst({ actions }: { readonly actions: ListFilterActions }) {
  return (
    <button type="button" className="button" onClick={() => actions.page(undefined)}>
      To the newest orders
    </button>
  )
}
