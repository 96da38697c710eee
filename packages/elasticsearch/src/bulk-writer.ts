import { setTimeout as sleep } from 'node:timers/promises'
import { TailraceError } from 'tailrace/adapter'
import { unstorable } from './document-codec.ts'
import type { EngineClient } from './engine-client.ts'
import { blockRemedy, isBlock, reasonText, typeOf, type Reason } from './engine-error.ts'
import { sizeRefusal, type SizeRefusal } from './size-refusal.ts'

/** One write of a bulk request: the line that says what to do, and the source. */
export interface BulkLine {
  readonly key: string
  /** Ends with a line feed. */
  readonly text: string
  readonly bytes: number
}

/** Writes a document, unless one of the same or a newer version is there. */
export function versionedLine(key: string, id: string, position: bigint, source: string): BulkLine {
  const text = `{"index":{"_id":${JSON.stringify(id)},"version":${position},"version_type":"external"}}\n${source}\n`
  return { key, text, bytes: Buffer.byteLength(text) }
}

export interface BulkLimits {
  /** For one request; a document that is larger goes alone. */
  readonly bytes: number
  /** For one document: what is larger could not be read again. */
  readonly documentBytes: number
  readonly timeoutMs: number
}

const linesMax = 2_000
const lanes = 2
/** Attempts for what the engine was too busy for. With the waits between them about 3 s. */
const attemptsMax = 6
const firstWaitMs = 50

interface ItemAnswer {
  readonly status: number
  readonly error?: Reason
}

/** Lines that the engine was too busy for. */
interface Busy {
  readonly lines: readonly BulkLine[]
  readonly reason: string
  readonly size: SizeRefusal
}

const nothingBusy: Busy = { lines: [], reason: '', size: undefined }

/** Writes many documents of one index in requests that are bounded in bytes and in number, two at a time. */
export class BulkWriter {
  readonly #client: EngineClient
  readonly #limits: BulkLimits

  constructor(client: EngineClient, limits: BulkLimits) {
    this.#client = client
    this.#limits = limits
  }

  /**
   * Writes every line, in no order: ids must differ. An older version that meets a newer one counts as written. What the
   * engine was too busy for is sent again a few times, and in smaller parts where it is too much at once. Throws
   * `DOCUMENT_UNSTORABLE` with the key for a document that the engine refuses, also for its size, `UNAVAILABLE` when something
   * is not written.
   */
  async write(target: string, lines: readonly BulkLine[]): Promise<void> {
    const { documentBytes } = this.#limits
    const unreadable = lines.find(({ bytes }) => bytes > documentBytes)
    if (unreadable !== undefined)
      throw unstorable(
        unreadable.key,
        `${unreadable.bytes} bytes, more than an answer may hold; make the document smaller, or raise answerBytes of the store, then retry the key`,
      )
    const parts = this.#split(lines)
    await Promise.all(
      Array.from({ length: Math.min(lanes, parts.length) }, async () => {
        for (let part = parts.shift(); part !== undefined; part = parts.shift())
          await this.#writeAll(target, part)
      }),
    )
  }

  #split(lines: readonly BulkLine[]): BulkLine[][] {
    const parts: BulkLine[][] = []
    let part: BulkLine[] = []
    let bytes = 0
    for (const line of lines) {
      if (part.length > 0 && (bytes + line.bytes > this.#limits.bytes || part.length >= linesMax)) {
        parts.push(part)
        part = []
        bytes = 0
      }
      part.push(line)
      bytes += line.bytes
    }
    if (part.length > 0) parts.push(part)
    return parts
  }

  async #writeAll(target: string, part: readonly BulkLine[]): Promise<void> {
    let left = part
    for (let attempt = 1; ; attempt++) {
      const busy = await this.#writeOnce(target, left)
      const isAlone = left.length === 1
      left = busy.lines
      if (left.length === 0) return
      const isLast = attempt === attemptsMax
      if (isAlone && (busy.size === 'too-large' || (isLast && busy.size === 'large')))
        throw unstorable(left[0]!.key, `${busy.reason}; ${sizeRemedy(left[0]!)}`)
      if (busy.size === 'too-large') return this.#writeHalves(target, left)
      if (isLast) throw unavailable(target, busy.reason)
      await sleep(firstWaitMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2))
    }
  }

  async #writeHalves(target: string, lines: readonly BulkLine[]): Promise<void> {
    const half = Math.ceil(lines.length / 2)
    await this.#writeAll(target, lines.slice(0, half))
    if (half < lines.length) await this.#writeAll(target, lines.slice(half))
  }

  async #writeOnce(target: string, lines: readonly BulkLine[]): Promise<Busy> {
    const path = `/${target}/_bulk?require_alias=true&timeout=${this.#limits.timeoutMs}ms&filter_path=error,status,errors,items.*.status,items.*.error`
    const { status, body } = await this.#client.request(
      'POST',
      path,
      lines.map(({ text }) => text).join(''),
      { allow: [413, 429] },
    )
    if (status === 413) throw tooLarge(target, lines)
    if (status === 429) return busyWith(lines, body?.error)
    if (body?.errors !== true) return nothingBusy
    return busyLines(target, lines, body.items as readonly Record<string, ItemAnswer>[])
  }
}

function busyWith(lines: readonly BulkLine[], error: Reason | string | undefined): Busy {
  return { lines, reason: `status 429: ${reasonText(error)}`, size: sizeRefusal(error) }
}

function sizeRemedy({ bytes }: BulkLine): string {
  return `its ${bytes} bytes are more than the heap of the engine allows: make the document smaller or give the engine more heap, then retry the key`
}

/** Judges the answer of each item. */
function busyLines(
  target: string,
  lines: readonly BulkLine[],
  items: readonly Record<string, ItemAnswer>[],
): Busy {
  if (items.length !== lines.length)
    throw unavailable(target, `${items.length} answers for ${lines.length} documents`)
  const busy: BulkLine[] = []
  let found = nothingBusy
  lines.forEach((line, i) => {
    const { status, error } = Object.values(items[i]!)[0]!
    if (status < 300 || (status === 409 && typeOf(error) === 'version_conflict_engine_exception'))
      return
    const text = `status ${status}: ${reasonText(error)}`
    if (isBlock(error)) throw unavailable(target, `${text}; ${blockRemedy}`)
    if (status === 400 || status === 413) throw unstorable(line.key, text)
    if (status !== 429 && status !== 503) throw unavailable(target, text)
    busy.push(line)
    if (found.size !== 'too-large') found = { ...busyWith(busy, error), reason: text }
  })
  return { ...found, lines: busy }
}

/** A document that is too large alone is named; of several it is not known which. */
function tooLarge(target: string, lines: readonly BulkLine[]): TailraceError {
  const [line] = lines
  if (lines.length === 1) return unstorable(line!.key, `status 413 for ${line!.bytes} bytes`)
  return new TailraceError(
    'CONFIG',
    `expected the engine to take bodies of bulkBytes for "${target}", got status 413; lower bulkBytes of the store, or raise http.max_content_length`,
  )
}

function unavailable(target: string, reason: string): TailraceError {
  return new TailraceError(
    'UNAVAILABLE',
    `expected the search engine to write to "${target}", got ${reason}`,
    { retryable: true },
  )
}
