/** Digits of a position in the store: all have the same length, so that their texts compare as the numbers do. */
const digits = 20

/** A Lua number is a double, which holds no position above 2^53 exactly: positions and fences are compared as text. */
export function positionText(position: bigint): string {
  return position.toString().padStart(digits, '0')
}

export function positionOf(text: string): bigint {
  return BigInt(text.slice(0, digits))
}
