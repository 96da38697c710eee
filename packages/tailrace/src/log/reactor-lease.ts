/** Reactors have leases like projections, under a name that no projection can have. */
export function reactorLease(reactor: string): string {
  return `reactor/${reactor}`
}
