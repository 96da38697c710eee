import { createHash } from 'node:crypto'

/** The uuid (version 8) of a thing in a source: the same key gives the same id, so that importing again finds it. */
export function sourceId(...key: readonly string[]): string {
  const hex = createHash('sha256').update(key.join('\u0000')).digest('hex')
  const variant = ((Number.parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16)
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ]
  return parts.join('-')
}
