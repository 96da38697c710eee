import type { App } from '../declare/app.ts'
import type { AnyProjectionDef } from '../declare/projection.ts'
import { isTailraceError, nearest, TailraceError } from '../errors.ts'
import type { ReadStore } from '../ports/read-store.ts'

export interface BoundProjection {
  readonly projection: AnyProjectionDef
  readonly store: ReadStore
}

/**
 * Binds each projection to its store. Throws `CONFIG` for a projection without a store, a store for a projection that is
 * not declared, or a shape or lookup that the store cannot serve.
 */
export function storesOf(
  app: App,
  stores: Readonly<Record<string, ReadStore>>,
): readonly BoundProjection[] {
  const names = [...app.projections.keys()]
  const stranger = Object.keys(stores).find((name) => !app.projections.has(name))
  if (stranger !== undefined)
    throw new TailraceError(
      'CONFIG',
      `expected stores for projections ${names.join(', ')}, got "${stranger}"${nearest(stranger, names)}`,
    )
  return [...app.projections.values()].map((projection) => {
    const store = stores[projection.name]
    if (store === undefined)
      throw new TailraceError(
        'CONFIG',
        `expected a store for projection "${projection.name}", got none; add it to stores`,
      )
    checkCapabilities(projection, store)
    return { projection, store }
  })
}

function checkCapabilities(projection: AnyProjectionDef, store: ReadStore): void {
  const { capabilities } = store
  const wants = (what: string): never => {
    throw new TailraceError(
      'CONFIG',
      `expected the store of projection "${projection.name}" to serve ${what}, got "${store.name}", which cannot; bind it to another store`,
    )
  }
  if (projection.shape === 'sql' && !capabilities.sql) wants('sql projections')
  if (projection.shape === 'rows' && !capabilities.rows) wants('rows projections')
  if ((projection.lookup.by?.length ?? 0) > 0 && !capabilities.find) wants('its lookup (find)')
  if ((projection.lookup.text?.length ?? 0) > 0 && !capabilities.text) wants('text search')
}

/**
 * Opens every read model once, so that what a store can never hold is said at the start. Throws `CONFIG`; a store that does
 * not answer now is no reason to stay away: the worker waits for it.
 */
export async function checkReadModels(
  bound: readonly BoundProjection[],
  history: string,
): Promise<void> {
  const opened = await Promise.allSettled(
    bound.map(({ projection, store }) => store.open(projection, history)),
  )
  for (const result of opened) {
    if (
      result.status === 'rejected' &&
      isTailraceError(result.reason) &&
      result.reason.code === 'CONFIG'
    )
      throw result.reason
  }
}
