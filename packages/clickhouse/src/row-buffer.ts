const firstSize = 64 * 1024
const two32 = 4_294_967_296

/** Rows in ClickHouse's `RowBinary` format, written one value after the other into one growing buffer. */
export class RowBuffer {
  #bytes = Buffer.allocUnsafe(firstSize)
  #at = 0
  #rows = 0

  get rows(): number {
    return this.#rows
  }

  get size(): number {
    return this.#at
  }

  /** Counts a row that is complete. */
  endRow(): void {
    this.#rows++
  }

  /** What was written. The buffer starts anew: the bytes given belong to the caller. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#at)
    this.#bytes = Buffer.allocUnsafe(firstSize)
    this.#at = 0
    this.#rows = 0
    return taken
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#at++] = value
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#at = this.#bytes.writeUInt32LE(value, this.#at)
  }

  i32(value: number): void {
    this.#reserve(4)
    this.#at = this.#bytes.writeInt32LE(value, this.#at)
  }

  u64(value: bigint): void {
    this.#reserve(8)
    this.#at = this.#bytes.writeBigUInt64LE(value, this.#at)
  }

  /** A safe integer as Int64. Without making a bigint, which is many times slower. */
  i64(value: number): void {
    this.#reserve(8)
    const high = Math.floor(value / two32)
    this.#at = this.#bytes.writeUInt32LE(value - high * two32, this.#at)
    this.#at = this.#bytes.writeInt32LE(high, this.#at)
  }

  f64(value: number): void {
    this.#reserve(8)
    this.#at = this.#bytes.writeDoubleLE(value, this.#at)
  }

  /** A signed integer of 4, 8, 16 or 32 bytes, as decimals are stored. */
  integer(value: bigint, bytes: number): void {
    this.#reserve(bytes)
    let rest = BigInt.asUintN(bytes * 8, value)
    for (let i = 0; i < bytes; i += 4) {
      this.#at = this.#bytes.writeUInt32LE(Number(rest & 0xffff_ffffn), this.#at)
      rest >>= 32n
    }
  }

  /** `text` must be well formed. */
  text(text: string): void {
    const most = text.length * 3
    this.#reserve(most + 5)
    if (most < 128) {
      // One byte holds the length, whatever the letters are.
      const length = this.#bytes.write(text, this.#at + 1)
      this.#bytes[this.#at] = length
      this.#at += length + 1
    } else {
      this.count(Buffer.byteLength(text))
      this.#at += this.#bytes.write(text, this.#at)
    }
  }

  /** The length of what follows: seven bits per byte, low ones first. */
  count(value: number): void {
    this.#reserve(5)
    let rest = value
    while (rest > 127) {
      this.#bytes[this.#at++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.#bytes[this.#at++] = rest
  }

  /** Canonical text of a uuid: two halves, each with its low byte first. */
  uuid(text: string): void {
    const hex = text.replaceAll('-', '')
    this.u64(BigInt(`0x${hex.slice(0, 16)}`))
    this.u64(BigInt(`0x${hex.slice(16)}`))
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}
