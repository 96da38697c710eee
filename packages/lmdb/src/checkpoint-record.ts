import type { Checkpoint } from 'tailrace/adapter'
import type { Transaction } from 'lmdb'
import { damaged } from './damaged.ts'
import { isAnyParked } from './parked-keys.ts'
import { getFast, type Table } from './environment.ts'

/**
 * The checkpoints of all ranges in one value, so that a snapshot costs one look: per range `number (2 bytes) · position (8) ·
 * fence (8) · time of the move (8) · length (1) and text of the history`. While any key is parked, one more follows, of a
 * range that there never is.
 */
const recordKey = Buffer.from('c')
const fixedBytes = 27
const parkedMark = 0xffff

export type Checkpoints = ReadonlyMap<number, Checkpoint>

/** What the value says. */
export interface CheckpointRecord {
  readonly checkpoints: Checkpoints
  readonly anyParked: boolean
}

const none: CheckpointRecord = { checkpoints: new Map(), anyParked: false }

/** Reads checkpoints, and decodes them only when they have moved since the last time. */
export class CheckpointReader {
  readonly #state: Table
  #raw: Buffer | undefined
  #decoded = none

  constructor(state: Table) {
    this.#state = state
  }

  read(options?: { readonly transaction: Transaction }): CheckpointRecord {
    const value = getFast(this.#state, recordKey, options)
    if (value === undefined) return none
    if (this.#raw === undefined || this.#raw.compare(value, 0, value.length) !== 0) {
      // Copied: the buffer of a fast read is used again by the next one.
      this.#raw = Buffer.from(value.subarray(0, value.length))
      this.#decoded = decode(this.#raw)
    }
    return this.#decoded
  }
}

/** Written again whenever a key is parked or freed: in the same transaction, and after it. */
export function writeCheckpoints(state: Table, checkpoints: Checkpoints): void {
  void state.put(recordKey, encode(checkpoints, isAnyParked(state)))
}

/** Whether a whole checkpoint begins there. */
function holdsOne(value: Buffer, at: number): boolean {
  const textAt = at + fixedBytes
  return textAt <= value.length && textAt + value.readUInt8(textAt - 1) <= value.length
}

function encode(checkpoints: Checkpoints, anyParked: boolean): Buffer {
  const parts: Buffer[] = [...checkpoints].map(
    ([range, { position, fence, updatedAtMs, history }]) => {
      const text = Buffer.from(history)
      const part = Buffer.allocUnsafe(fixedBytes)
      part.writeUInt16BE(range, 0)
      part.writeBigUInt64BE(position, 2)
      part.writeBigUInt64BE(fence, 10)
      part.writeBigUInt64BE(BigInt(updatedAtMs), 18)
      part.writeUInt8(text.length, 26)
      return Buffer.concat([part, text])
    },
  )
  if (anyParked) parts.push(markOfParked())
  return Buffer.concat(parts)
}

function markOfParked(): Buffer {
  const mark = Buffer.alloc(fixedBytes)
  mark.writeUInt16BE(parkedMark, 0)
  return mark
}

function decode(value: Buffer): CheckpointRecord {
  const found = new Map<number, Checkpoint>()
  for (let at = 0; at < value.length;) {
    if (!holdsOne(value, at))
      throw damaged('checkpoints', `${value.length} bytes that end in the midst of one`)
    const position = value.readBigUInt64BE(at + 2)
    const end = at + fixedBytes + value.readUInt8(at + 26)
    found.set(value.readUInt16BE(at), {
      position,
      fence: value.readBigUInt64BE(at + 10),
      updatedAtMs: Number(value.readBigUInt64BE(at + 18)),
      history: value.toString('utf8', at + fixedBytes, end),
      visible: position,
    })
    at = end
  }
  const anyParked = found.delete(parkedMark)
  return { checkpoints: found, anyParked }
}
