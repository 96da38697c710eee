/** Something in a read store is not what was written there. */
export interface Damage {
  readonly text: string
  /** The projection whose read model it is in. */
  readonly projection: string
  /**
   * Whether it can be told from what was written: then no answer may come from it. A value that is another one of the same kind
   * cannot.
   */
  readonly detectable: boolean
  /** Whether a command meanwhile would change what is put back: several orders share the place. Default: no. */
  readonly shared?: boolean
  /** Puts back what was there. */
  undo(): Promise<void>
}
