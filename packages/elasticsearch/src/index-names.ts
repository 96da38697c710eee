/**
 * Physical names. Dots part them, since the names of projections have none:
 * `tailrace.orders.v3` documents (with slices `tailrace.orders.v3.d2026-11-23`), `tailrace.orders.v3.state` checkpoints and
 * parked keys, `tailrace.orders` an alias of the live documents, `tailrace.orders.live` an alias of the live state,
 * `tailrace.orders.v3.load.<token>` an alias that marks a bulk load under way.
 */
export interface VersionNames {
  /** The index of the documents, or what the names of slices begin with. */
  readonly docs: string
  readonly state: string
  /** Aliases that only writers use: an index that is gone is not made anew by a write under such a name. */
  readonly docsWrite: string
  readonly stateWrite: string
}

export function versionNames(prefix: string, projection: string, version: number): VersionNames {
  const docs = `${prefix}.${projection}.v${version}`
  return {
    docs,
    state: `${docs}.state`,
    docsWrite: `${docs}.write`,
    stateWrite: `${docs}.state.write`,
  }
}

/** What dashboards and other readers may search: the live documents, without deletions. */
export function docsAlias(prefix: string, projection: string): string {
  return `${prefix}.${projection}`
}

export function liveAlias(prefix: string, projection: string): string {
  return `${prefix}.${projection}.live`
}

/** The version in the name of a state index; undefined for other names. */
export function versionOfState(
  prefix: string,
  projection: string,
  index: string,
): number | undefined {
  const start = `${prefix}.${projection}.v`
  if (!index.startsWith(start) || !index.endsWith('.state')) return undefined
  const digits = index.slice(start.length, -'.state'.length)
  return /^[1-9]\d{0,15}$/.test(digits) ? Number(digits) : undefined
}
