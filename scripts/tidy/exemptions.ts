/** What may break a rule, and why. A rule reports an exemption that nothing needs any more. */
export interface Exemption {
  readonly path: string
  /** The function's name, where the rule is about functions. */
  readonly name?: string
  readonly reason: string
}

/** Functions longer than 70 lines. */
export const longFunctions: readonly Exemption[] = [
  {
    path: 'packages/simulator/src/world/sample-orders.ts',
    name: 'sampleOrders',
    reason:
      'one declaration per code generation; parts of it would pass its inferred types around by hand',
  },
]
