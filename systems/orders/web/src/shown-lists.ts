import type { Client, QueryView } from '@tailrace/client'
import type { QueryData, QueryInput, QueryName } from './api.ts'

type ListName = 'searchOrders' | 'sellerQueue'

/** A list that was on screen lately, and that the viewer may come back to. */
export interface ShownList<N extends ListName> {
  readonly name: N
  readonly input: QueryInput<N>
  readonly view: QueryView<QueryData<N>>
}

const shownMax = 12
const lists = new WeakMap<Client<unknown>, ShownList<ListName>[]>()

/** Remembers a list, so that the viewer's own commands show in it at once. Other queries are no lists. */
export function noteShown<N extends QueryName>(
  of: object,
  name: N,
  input: QueryInput<N>,
  view: QueryView<QueryData<N>>,
): void {
  if (name !== 'searchOrders' && name !== 'sellerQueue') return
  const list = { name, input, view } as unknown as ShownList<ListName>
  const others = (lists.get(of as Client<unknown>) ?? []).filter((one) => one.view !== list.view)
  lists.set(of as Client<unknown>, [list, ...others].slice(0, shownMax))
}

/** The lists with an answer: nothing can be laid over one that has none. */
export function shownLists<N extends ListName>(of: object, name: N): readonly ShownList<N>[] {
  const known = (lists.get(of as Client<unknown>) ?? []) as unknown as ShownList<N>[]
  return known.filter((list) => list.name === name && list.view.getSnapshot().data !== undefined)
}
