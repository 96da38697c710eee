/** Number of fixed logical partitions of a log. Never changes: buses, leases and tokens speak of slots. */
export const slotCount = 256

/** The slot of a partition key: FNV-1a (32 bit) over its UTF-16 code units, folded to 8 bits. Stable for ever. */
export function slotOf(partitionKey: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < partitionKey.length; i++) {
    const unit = partitionKey.charCodeAt(i)
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193)
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193)
  }
  return ((hash >>> 24) ^ (hash >>> 16) ^ (hash >>> 8) ^ hash) & 0xff
}

/** Splits all slots into `count` ranges of nearly equal size, in order. */
export function slotRanges(count: number): { readonly from: number; readonly to: number }[] {
  return Array.from({ length: count }, (_, i) => ({
    from: Math.floor((i * slotCount) / count),
    to: Math.floor(((i + 1) * slotCount) / count) - 1,
  }))
}
