/** A bulk load that has begun, as those see it who write for it. */
export interface LoadTurn {
  readonly token: string
  /** Tokens of those that it took over from, whose marks may be there. */
  readonly older: readonly string[]
  /**
   * Throws `PROJECTION_FENCED` when another load began after this one. Between a request that makes something under a
   * name that the other one uses too, and a request that needs it, this is asked.
   */
  assertLast(): Promise<void>
}

/** The alias that only this load writes by: it is on the indices that the load has made, and goes with them. */
export function loadAlias(writeAlias: string, { token }: LoadTurn): string {
  return `${writeAlias}.${token}`
}
