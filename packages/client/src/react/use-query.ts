import { useSyncExternalStore } from 'react'
import type { QueryView, ViewState } from '../query-view.ts'

/**
 * Watches a view: `useQuery(client.views.order({ orderId }))`. Renders the last answer with one's own pending commands
 * over it, and how fresh it is.
 */
export function useQuery<D>(view: QueryView<D>): ViewState<D> {
  return useSyncExternalStore(view.subscribe, view.getSnapshot, view.getSnapshot)
}
