/** A server takes a parameter of up to 128 KiB by default, as it is written on the wire. */
const partBytes = 48 * 1024
const partKeys = 2_000

/** A list of keys in parts that fit a parameter each. */
export function* keyParts(keys: readonly string[]): Generator<readonly string[]> {
  let from = 0
  let bytes = 0
  for (let i = 0; i < keys.length; i++) {
    const own = Buffer.byteLength(keys[i]!) * 2 + 3
    if (i > from && (bytes + own > partBytes || i - from >= partKeys)) {
      yield keys.slice(from, i)
      from = i
      bytes = 0
    }
    bytes += own
  }
  if (from < keys.length) yield keys.slice(from)
}
