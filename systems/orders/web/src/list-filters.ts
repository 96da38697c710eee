import { useSearchParams } from 'wouter'
import type { QueryInput } from './api.ts'

export const statuses = [
  'placed',
  'paid',
  'partially-shipped',
  'shipped',
  'delivered',
  'cancelled',
  'expired',
] as const
export type Status = (typeof statuses)[number]

/** The filters of the order list. They live in the address, so that a view can be shared and the back button works. */
export interface ListFilters {
  readonly text: string
  readonly status: readonly Status[]
  readonly late: boolean
  readonly cursor: string | undefined
}

/** All orders, the newest first. */
export const unfiltered: ListFilters = { text: '', status: [], late: false, cursor: undefined }

export const isFiltered = ({ text, status, late }: ListFilters): boolean =>
  text !== '' || status.length > 0 || late

export interface ListFilterActions {
  search(text: string): void
  toggleStatus(status: Status): void
  toggleLate(): void
  /** Back to all orders. */
  clear(): void
  /** To the page after a cursor; undefined: to the newest. */
  page(cursor: string | undefined): void
}

/** What the server takes. */
export const textMax = 200

export function useListFilters(): readonly [ListFilters, ListFilterActions] {
  const [params, setParams] = useSearchParams()
  const filters: ListFilters = {
    text: (params.get('q') ?? '').slice(0, textMax),
    status: params
      .getAll('status')
      .filter((one): one is Status => statuses.includes(one as Status)),
    late: params.get('late') === '1',
    cursor: params.get('after') ?? undefined,
  }
  // Another filter starts at the newest again: a cursor belongs to its own question.
  const show = ({ text, status, late, cursor }: ListFilters): void => {
    const next = new URLSearchParams()
    if (text !== '') next.set('q', text)
    for (const one of status) next.append('status', one)
    if (late) next.set('late', '1')
    if (cursor !== undefined) next.set('after', cursor)
    setParams(next)
  }
  const first = { ...filters, cursor: undefined }
  return [
    filters,
    {
      search: (text) => show({ ...first, text }),
      toggleStatus: (status) =>
        show({
          ...first,
          status: filters.status.includes(status)
            ? filters.status.filter((one) => one !== status)
            : [...filters.status, status],
        }),
      toggleLate: () => show({ ...first, late: !filters.late }),
      clear: () => show(unfiltered),
      page: (cursor) => show({ ...filters, cursor }),
    },
  ]
}

export const pageSize = 25

export function searchInput({
  text,
  status,
  late,
  cursor,
}: ListFilters): QueryInput<'searchOrders'> {
  return {
    ...(text === '' ? {} : { text }),
    ...(status.length === 0 ? {} : { status: [...status] }),
    ...(late ? { late: true } : {}),
    ...(cursor === undefined ? {} : { cursor }),
    limit: pageSize,
  }
}
