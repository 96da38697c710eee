import type { JsonSchema } from './unknown-fields.ts'

// The parts of the OpenAPI document that are the same for every application.

const text = { type: 'string' } as const
const position = {
  type: 'string',
  pattern: '^\\d+$',
  description: 'Place in the log, decimal',
} as const

export const problemSchema: JsonSchema = {
  description: 'RFC 9457 problem details. The data of a rejection stands in further members',
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: text,
    status: { type: 'integer' },
    code: text,
    detail: text,
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'code', 'message'],
        properties: {
          pointer: { type: 'string', format: 'json-pointer' },
          code: text,
          message: text,
        },
      },
    },
    commandId: { type: 'string', format: 'uuid' },
    traceId: text,
  },
}

const states = [
  'not-started',
  'catching-up',
  'live',
  'rebuilding',
  'paused',
  'parked',
  'unowned',
  'failed',
]

export const metaSchema: JsonSchema = {
  description: 'How fresh an answer is',
  type: 'object',
  required: ['position', 'asOf', 'lagMs', 'stale', 'reads'],
  properties: {
    position,
    asOf: { type: 'string', format: 'date-time' },
    lagMs: { type: 'number', minimum: 0 },
    stale: { type: 'boolean', description: 'The asked token was not reached in time' },
    reads: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        required: ['position', 'lagMs', 'state'],
        properties: { position, lagMs: { type: 'number' }, state: { enum: states } },
      },
    },
    behindToken: { const: true, description: 'The answer may lack what a given token stands for' },
    parked: { type: 'object', additionalProperties: { type: 'array', items: text } },
    notice: { type: 'string', description: 'A text to show: results may be delayed' },
  },
}

const requestHeaders = {
  idempotencyKey: [
    'Idempotency-Key',
    { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
    'The same key and input again: the stored answer',
  ],
  ifMatch: [
    'If-Match',
    text,
    'The version that the caller saw, in double quotes; a list of them; or *, any that there is',
  ],
  ifNoneMatch: ['If-None-Match', text, 'An ETag: unchanged data is answered with 304'],
  traceparent: ['traceparent', text, 'W3C trace context; kept with the events'],
  consistencyToken: [
    'Consistency-Token',
    text,
    'The answer must not be older than this; several with commas',
  ],
  prefer: [
    'Prefer',
    text,
    'wait=<seconds>, 5 at most (Preference-Applied says what was granted); consistency=strict|eventual',
  ],
} as const

/** Header parameters of a request. */
export function headerParameters(...names: readonly (keyof typeof requestHeaders)[]): JsonSchema[] {
  return names.map((key) => {
    const [name, schema, description] = requestHeaders[key]
    return { name, in: 'header', required: false, schema, description }
  })
}

const responseHeaders = {
  'Consistency-Token': [text, 'Hand it to a later query: its answer will not be older'],
  'Idempotency-Replayed': [
    { const: 'true' },
    'The stored answer of an earlier request with this key',
  ],
  'Retry-After': [{ type: 'integer' }, 'Seconds'],
  Allow: [text, 'The methods that this address takes'],
  ETag: [text, 'Stands for the data'],
  'Read-Model-Position': [position, 'meta.position'],
  'Read-Model-As-Of': [{ type: 'string', format: 'date-time' }, 'meta.asOf'],
  'Read-Model-Lag': [{ type: 'number' }, 'meta.lagMs'],
  'Preference-Applied': [text, 'What of Prefer was honoured'],
} as const

/** Headers of a response. */
export function headerSchemas(...names: readonly (keyof typeof responseHeaders)[]): JsonSchema {
  return Object.fromEntries(
    names.map((name) => [
      name,
      { schema: responseHeaders[name][0], description: responseHeaders[name][1] },
    ]),
  )
}

export const commandStatusSchema: JsonSchema = {
  description: 'What became of a command, and which projections have it',
  type: 'object',
  required: ['commandId', 'name', 'state', 'projections'],
  properties: {
    commandId: { type: 'string', format: 'uuid' },
    name: text,
    state: { enum: ['accepted', 'committed', 'rejected', 'failed'] },
    position: { ...position, description: 'Absent while not sequenced' },
    version: { type: 'integer' },
    rejection: {
      description: 'Without its data, which the stored answer has',
      type: 'object',
      required: ['code', 'title'],
      properties: { code: text, title: text },
    },
    projections: {
      type: 'object',
      additionalProperties: {
        enum: ['applied', 'pending', 'parked', 'rebuilding', 'not-relevant'],
      },
    },
  },
}
