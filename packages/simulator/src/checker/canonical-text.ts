/** JSON with sorted properties, absent ones left out: equal exactly when the values are. */
export function canonicalText(value: unknown): string {
  return (
    JSON.stringify(value, (_, inner: unknown) =>
      typeof inner !== 'object' || inner === null || Array.isArray(inner)
        ? inner
        : Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    ) ?? 'null'
  )
}
