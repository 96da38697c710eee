/** What may break a rule, and why. A rule reports an exemption that nothing needs any more. */
export interface Exemption {
  readonly path: string
  /** The function's name, where the rule is about functions. */
  readonly name?: string
  readonly reason: string
}

/** Functions longer than 70 lines. */
export const longFunctions: readonly Exemption[] = []
