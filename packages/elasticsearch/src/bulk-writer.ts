import { setTimeout as sleep } from 'node:timers/promises'
import { TailraceError, isTailraceError } from 'tailrace/adapter'
import { unstorable } from './document-codec.ts'
import type { EngineClient } from './engine-client.ts'
import { blockRemedy, isBlock, reasonText, typeOf } from './engine-error.ts'

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
  /** For one request. */
  readonly bytes: number
  readonly timeoutMs: number
}

const linesMax = 2_000
const lanes = 2
/** Attempts for what the engine was too busy for. With the waits between them about 3 s. */
const attemptsMax = 6
const firstWaitMs = 50

interface ItemAnswer {
  readonly status: number
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly error?: any
}

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
   * engine was too busy for is sent again a few times. Throws `DOCUMENT_UNSTORABLE` with the key for a document that the
   * engine refuses, `UNAVAILABLE` when something is not written.
   */
  async write(target: string, lines: readonly BulkLine[]): Promise<void> {
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
      left = busy.lines
      if (left.length === 0) return
      if (attempt === attemptsMax) throw unavailable(target, busy.reason)
      await sleep(firstWaitMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2))
    }
  }

  /** The lines that the engine was too busy for. */
  async #writeOnce(
    target: string,
    lines: readonly BulkLine[],
  ): Promise<{ readonly lines: readonly BulkLine[]; readonly reason: string }> {
    const path = `/${target}/_bulk?require_alias=true&timeout=${this.#limits.timeoutMs}ms&filter_path=errors,items.*.status,items.*.error`
    let answer
    try {
      answer = await this.#client.request('POST', path, lines.map(({ text }) => text).join(''), {
        allow: [413],
      })
    } catch (error) {
      if (isTailraceError(error) && error.details['status'] === 429)
        return { lines, reason: error.message }
      throw error
    }
    if (answer.status === 413) throw tooLarge(target, lines)
    if (answer.body?.errors !== true) return { lines: [], reason: '' }
    return busyLines(target, lines, answer.body.items as readonly Record<string, ItemAnswer>[])
  }
}

/** Judges the answer of each item. */
function busyLines(
  target: string,
  lines: readonly BulkLine[],
  items: readonly Record<string, ItemAnswer>[],
): { readonly lines: BulkLine[]; readonly reason: string } {
  if (items.length !== lines.length)
    throw unavailable(target, `${items.length} answers for ${lines.length} documents`)
  const busy: BulkLine[] = []
  let reason = ''
  lines.forEach((line, i) => {
    const { status, error } = Object.values(items[i]!)[0]!
    if (status < 300 || (status === 409 && typeOf(error) === 'version_conflict_engine_exception'))
      return
    const text = `status ${status}: ${reasonText(error)}`
    if (isBlock(error)) throw unavailable(target, `${text}; ${blockRemedy}`)
    if (status === 400 || status === 413) throw unstorable(line.key, text)
    if (status !== 429 && status !== 503) throw unavailable(target, text)
    busy.push(line)
    reason = text
  })
  return { lines: busy, reason }
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
