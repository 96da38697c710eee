import type { QueryView } from '@tailrace/client'
import { ClientError } from '@tailrace/client'
import { useQuery } from '@tailrace/client/react'
import { useEffect } from 'react'
import { client, type QueryData, type QueryInput, type QueryName } from './api.ts'
import { noteShown } from './shown-lists.ts'
import { useSession } from './session.ts'

export interface AnswerState<D> {
  readonly data: D | undefined
  readonly meta: ReturnType<typeof useQuery>['meta']
  readonly error: Error | undefined
  readonly pending: number
  readonly delayed: boolean
  readonly refetch: () => void
}

/** Watches a query: asked again when its read models move, with the viewer's own pending commands laid over it. */
export function useAnswer<N extends QueryName>(
  name: N,
  input: QueryInput<N>,
): AnswerState<QueryData<N>> {
  useSession()
  const make = client().views[name] as (input: unknown) => QueryView<QueryData<N>>
  const view = make(input)
  const { data, meta, error, pending, delayed } = useQuery(view)
  useEffect(() => noteShown(client(), name, input, view), [name, input, view])
  useEffect(() => keepAsking(view as QueryView<unknown>), [view])
  return { data, meta, error, pending, delayed, refetch: () => void view.refetch() }
}

const quietMs = 1_000
const failedMs = 5_000

/**
 * A read model that stands still says nothing, and what is on screen would look fresh for ever: a visible page asks again
 * when no answer came for a second. Questions that failed are asked again with a longer pause, unless they were refused.
 */
function keepAsking(view: QueryView<unknown>): () => void {
  let answeredAt = Date.now()
  const stop = view.subscribe(() => {
    if (!view.getSnapshot().loading) answeredAt = Date.now()
  })
  const timer = setInterval(() => {
    const { loading, error } = view.getSnapshot()
    const quiet = Date.now() - answeredAt
    if (document.hidden || loading || quiet < quietMs) return
    if (error === undefined || (mayPass(error) && quiet >= failedMs)) void view.refetch()
  }, quietMs / 2)
  return () => {
    stop()
    clearInterval(timer)
  }
}

function mayPass(error: Error): boolean {
  const { status } = error instanceof ClientError ? error : { status: undefined }
  return status === undefined || status === 429 || status >= 500
}
