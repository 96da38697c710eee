import type { Inbound } from './exchange.ts'
import { ProblemError } from './problem.ts'
import { scanJson } from './scan-json.ts'

export interface JsonLimits {
  /** Default: 1 MiB. */
  readonly bodyLimitBytes: number
  /** Levels of nesting. Default: 64. */
  readonly maxDepth: number
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** Reads a JSON body that is safe to hand on. Throws a 4xx problem that names the place of what is wrong. */
export async function readJsonBody(request: Inbound, limits: JsonLimits): Promise<unknown> {
  return parseJson(await readJsonText(request, limits), limits.maxDepth)
}

/** Reads the text of a JSON body, which `parseJson` must judge before anybody trusts it. Throws a 4xx problem. */
export async function readJsonText(request: Inbound, limits: JsonLimits): Promise<string> {
  checkType(request)
  const declared = Number(request.header('content-length'))
  if (declared > limits.bodyLimitBytes) throw tooLarge(limits.bodyLimitBytes)
  const bytes = await request.body(limits.bodyLimitBytes)
  if (bytes.length === 0)
    throw malformed('expected a JSON body, got an empty one; send {} for no input')
  try {
    return decoder.decode(bytes)
  } catch {
    throw malformed('expected the body in UTF-8, got bytes that are not')
  }
}

/** Parses a JSON text that is safe to hand on. Throws a 400 or 422 problem. */
export function parseJson(text: string, maxDepth: number): unknown {
  const fault = scanJson(text, maxDepth)
  if (fault !== undefined) {
    const { kind, ...error } = fault
    const where = fault.pointer === '' ? '' : ` at ${fault.pointer}`
    throw new ProblemError(
      kind === 'malformed' ? 'BODY_MALFORMED' : 'INPUT_INVALID',
      fault.message + where,
      { errors: [error] },
    )
  }
  return JSON.parse(text)
}

/** The problem of a body that is longer than allowed. The rest of it stays unread, so the connection must close. */
export function tooLarge(limitBytes: number): ProblemError {
  return new ProblemError(
    'BODY_TOO_LARGE',
    `expected at most ${limitBytes} bytes; send less at once`,
    {
      headers: { connection: 'close' },
    },
  )
}

/**
 * The problem of a body whose sender went away or broke it off. Nobody hears of it, since the connection is gone: it is no
 * failure of ours, and is not told as one.
 */
export function brokenOff(): ProblemError {
  return malformed('expected the whole body, got the end of the connection; send it again')
}

function malformed(message: string): ProblemError {
  return new ProblemError('BODY_MALFORMED', message, {
    errors: [{ pointer: '', code: 'syntax', message }],
  })
}

function checkType(request: Inbound): void {
  const encoding = request.header('content-encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new ProblemError(
      'MEDIA_TYPE_UNSUPPORTED',
      `expected a body without content-encoding, got "${cut(encoding)}"`,
    )
  }
  const type = request.header('content-type')
  if (type === 'application/json') return
  const [media = '', ...parameters] = (type ?? '').toLowerCase().split(';')
  const json =
    media.trim() === 'application/json' || /^application\/[\w.+-]+\+json$/.test(media.trim())
  const charset = parameters.map((p) => p.trim()).find((p) => p.startsWith('charset='))
  const utf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset)
  if (json && utf8) return
  const got = type === undefined ? 'none' : `"${cut(type)}"`
  throw new ProblemError(
    'MEDIA_TYPE_UNSUPPORTED',
    `expected content-type application/json in UTF-8, got ${got}`,
    {
      headers: { accept: 'application/json' },
    },
  )
}

function cut(text: string): string {
  return text.slice(0, 80)
}
