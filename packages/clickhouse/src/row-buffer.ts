const firstSize = 64 * 1024
/** Longer ones are written faster by the runtime. */
const asciiMax = 24
const two32 = 4_294_967_296

/** Rows in ClickHouse's `RowBinary` format, written one value after the other into one growing buffer. */
export class RowBuffer {
  #bytes = Buffer.allocUnsafeSlow(firstSize)
  // Numbers go through a view: the compiler makes one instruction of it, where a Buffer checks and calls.
  #view = viewOf(this.#bytes)
  #at = 0
  #rows = 0

  get rows(): number {
    return this.#rows
  }

  get size(): number {
    return this.#at
  }

  /** Takes back what was written of a row since the buffer had this size. */
  undo(size: number): void {
    this.#at = size
  }

  /** Counts a row that is complete. */
  endRow(): void {
    this.#rows++
  }

  /** What was written. The buffer starts anew: the bytes given belong to the caller. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#at)
    this.#grow(Buffer.allocUnsafeSlow(firstSize))
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
    this.#put32(value)
  }

  i32(value: number): void {
    this.#reserve(4)
    this.#put32(value)
  }

  u64(value: bigint): void {
    const number = Number(value)
    if (number <= Number.MAX_SAFE_INTEGER) return this.i64(number)
    this.#reserve(8)
    this.#at = this.#bytes.writeBigUInt64LE(value, this.#at)
  }

  /** A safe integer as Int64. Without making a bigint, which is many times slower. */
  i64(value: number): void {
    this.#reserve(8)
    const high = Math.floor(value / two32)
    this.#put32(value - high * two32)
    this.#put32(high)
  }

  f64(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.#at, value, true)
    this.#at += 8
  }

  /** A signed integer of 4, 8, 16 or 32 bytes, as decimals are stored. */
  integer(value: bigint, bytes: number): void {
    this.#reserve(bytes)
    let rest = BigInt.asUintN(bytes * 8, value)
    for (let i = 0; i < bytes; i += 4) {
      this.#put32(Number(rest & 0xffff_ffffn))
      rest >>= 32n
    }
  }

  /** Writes a text of few letters, all of them ASCII and none of them NUL; false for any other, which is not written. */
  ascii(text: string): boolean {
    const { length } = text
    if (length > asciiMax) return false
    this.#reserve(length + 1)
    const from = this.#at + 1
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code === 0 || code > 127) return false
      this.#bytes[from + i] = code
    }
    this.#bytes[this.#at] = length
    this.#at = from + length
    return true
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

  /** Text of a uuid, with its dashes: two halves, each with its low byte first. */
  uuid(text: string): void {
    this.#reserve(16)
    this.#put32((hex(text, 9) << 16) | hex(text, 14))
    this.#put32((hex(text, 0) << 16) | hex(text, 4))
    this.#put32((hex(text, 28) << 16) | hex(text, 32))
    this.#put32((hex(text, 19) << 16) | hex(text, 24))
  }

  #put32(value: number): void {
    this.#view.setInt32(this.#at, value, true)
    this.#at += 4
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 4, this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#grow(larger)
  }

  #grow(bytes: Buffer<ArrayBuffer>): void {
    this.#bytes = bytes
    this.#view = viewOf(bytes)
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer<ArrayBuffer>): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

/** Four hexadecimal digits. */
function hex(text: string, at: number): number {
  return (
    (digit(text.charCodeAt(at)) << 12) |
    (digit(text.charCodeAt(at + 1)) << 8) |
    (digit(text.charCodeAt(at + 2)) << 4) |
    digit(text.charCodeAt(at + 3))
  )
}

/** Of `0` to `9`, `a` to `f` and `A` to `F`. */
function digit(code: number): number {
  return code < 58 ? code - 48 : (code | 32) - 87
}
