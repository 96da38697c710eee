import type { Socket } from 'node:net'

/** What one direction of a connection suffers. */
export interface FlowFault {
  readonly delayMs: number
  readonly bytesPerSecond: number | undefined
  readonly hold: boolean
  readonly swallow: boolean
  readonly corrupt: boolean
}

export interface Rewrite {
  readonly find: Buffer
  readonly replace: Buffer
}

/** A source that is further ahead than this is not read any more, as with a full TCP window. */
const queuedBytesMax = 256 * 1024
/** Smaller chunks are handshakes and headers, which nothing protects; larger ones are mostly data. */
const corruptFromBytes = 1_024
const slowSteps = 20

/** Carries bytes from one socket to another, in order, with what is wrong in between. Holds a bounded number of them. */
export class FaultyFlow {
  /** Whether the stream has a hole, so that it must not go on. */
  lostBytes = false
  readonly #from: Socket
  readonly #to: Socket
  readonly #fault: () => FlowFault
  readonly #rewrite: Rewrite | undefined
  readonly #queue: { bytes: Buffer; readonly due: number }[] = []
  #queued = 0
  #sourceEnded = false
  #draining = false
  #nextAt = 0
  #timer: NodeJS.Timeout | undefined

  constructor(from: Socket, to: Socket, fault: () => FlowFault, rewrite?: Rewrite) {
    this.#from = from
    this.#to = to
    this.#fault = fault
    this.#rewrite = rewrite
    from.on('data', (bytes: Buffer) => this.#take(bytes))
    from.on('end', () => {
      if (this.#fault().swallow) this.lostBytes = true
      else this.#sourceEnded = true
      this.pump()
    })
    to.on('drain', () => {
      this.#draining = false
      this.pump()
    })
  }

  /** Sends what may go now. Called again whenever the fault changes. */
  pump(): void {
    clearTimeout(this.#timer)
    if (this.#to.destroyed || this.#draining) return
    while (this.#queue.length > 0) {
      const waitMs = this.#sendFirst()
      if (waitMs === undefined) return
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.pump(), waitMs)
        return
      }
    }
    if (this.#sourceEnded && !this.#fault().hold) this.#to.end()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#queue.length = 0
  }

  #take(bytes: Buffer): void {
    const fault = this.#fault()
    if (fault.swallow) {
      this.lostBytes = true
      return
    }
    const changed = this.#rewrite === undefined ? bytes : rewritten(bytes, this.#rewrite)
    this.#queue.push({
      bytes: fault.corrupt && bytes.length >= corruptFromBytes ? damaged(changed) : changed,
      due: performance.now() + fault.delayMs,
    })
    this.#queued += bytes.length
    if (this.#queued > queuedBytesMax) this.#from.pause()
    this.pump()
  }

  /** How long the first chunk still waits; 0: some of it has gone; undefined: until something happens. */
  #sendFirst(): number | undefined {
    const { hold, bytesPerSecond } = this.#fault()
    if (hold) return undefined
    const first = this.#queue[0]!
    const now = performance.now()
    const at = bytesPerSecond === undefined ? first.due : Math.max(first.due, this.#nextAt)
    if (at > now) return Math.ceil(at - now)
    const most =
      bytesPerSecond === undefined
        ? first.bytes.length
        : Math.max(1, Math.floor(bytesPerSecond / slowSteps))
    const piece = first.bytes.subarray(0, most)
    this.#nextAt = now + 1_000 / slowSteps
    first.bytes = first.bytes.subarray(piece.length)
    if (first.bytes.length === 0) this.#queue.shift()
    this.#queued -= piece.length
    if (this.#queued < queuedBytesMax / 2) this.#from.resume()
    this.#draining = !this.#to.write(piece)
    return this.#draining ? undefined : 0
  }
}

function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const at = Math.floor(copy.length * 0.6)
  copy[at] = copy[at]! ^ 0x10
  return copy
}

/** Answers that tell an address are small and arrive in one piece, so chunks are looked at one by one. */
function rewritten(bytes: Buffer, { find, replace }: Rewrite): Buffer {
  let at = bytes.indexOf(find)
  if (at === -1) return bytes
  const copy = Buffer.from(bytes)
  for (; at !== -1; at = copy.indexOf(find, at + find.length)) replace.copy(copy, at)
  return copy
}
