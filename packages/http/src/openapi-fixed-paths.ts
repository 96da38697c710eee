import { headerParameters, headerSchemas } from './openapi-parts.ts'
import { problemResponses } from './openapi-responses.ts'

// What every application has beside its commands and queries.

const commandStatusPath = {
  get: {
    operationId: 'getCommand',
    description:
      'What became of a command, and which read models have it. The whole stored answer is had by sending the same ' +
      'command again with its Idempotency-Key, which only its sender can.',
    tags: ['commands'],
    security: [{ bearer: [] }],
    parameters: [
      {
        name: 'commandId',
        in: 'path',
        required: true,
        description: 'As the answer to the command names it',
        schema: { type: 'string', format: 'uuid' },
      },
      ...headerParameters('ifNoneMatch'),
    ],
    responses: {
      200: {
        description: 'Known. Retry-After while there is more to come',
        headers: headerSchemas('ETag', 'Retry-After'),
        content: {
          'application/json': {
            schema: { $ref: '#/components/schemas/CommandStatus' },
            examples: {
              committed: {
                value: {
                  commandId: '0190b0c0-0000-7000-8000-00000000c0de',
                  name: 'nameOfTheCommand',
                  state: 'committed',
                  position: '42',
                  version: 1,
                  projections: { 'name-of-a-read-model': 'applied', another: 'pending' },
                },
              },
            },
          },
        },
      },
      304: {
        description: 'Nothing has changed since the entity tag of If-None-Match',
        headers: headerSchemas('ETag', 'Retry-After'),
      },
      ...problemResponses([
        'NOT_AUTHENTICATED',
        'NOT_ALLOWED',
        'COMMAND_UNKNOWN',
        'METHOD_NOT_ALLOWED',
        'UNAVAILABLE',
      ]),
    },
  },
}

const livePath = {
  get: {
    operationId: 'live',
    tags: ['queries'],
    security: [{ bearer: [] }],
    parameters: [
      {
        name: 'queries',
        in: 'query',
        description:
          'Names with commas between them, or several times. Default: all that the caller may ask',
        schema: { type: 'string' },
      },
      {
        name: 'Last-Event-ID',
        in: 'header',
        description: 'Resumes after this position, the id of an event',
        schema: { type: 'string', pattern: '^\\d{1,19}$' },
      },
    ],
    responses: {
      200: {
        description:
          'Server-sent events `checkpoint`: a read model has moved, the named queries have another answer',
        content: { 'text/event-stream': { schema: { type: 'string' } } },
      },
      ...problemResponses([
        'HEADER_INVALID',
        'NOT_AUTHENTICATED',
        'NOT_ALLOWED',
        'QUERY_UNKNOWN',
        'METHOD_NOT_ALLOWED',
        'OVERLOADED',
        'UNAVAILABLE',
      ]),
    },
  },
}

function operatingPath(
  operationId: string,
  description: string,
  type: string,
  responses: Record<string, unknown> = {},
): Record<string, unknown> {
  const schema = { type: type === 'application/json' ? 'object' : 'string' }
  return {
    get: {
      operationId,
      tags: ['operating'],
      security: [],
      responses: { 200: { description, content: { [type]: { schema } } }, ...responses },
    },
  }
}

const json = 'application/json'

export const fixedPaths = {
  '/commands/{commandId}': commandStatusPath,
  '/live': livePath,
  '/status': operatingPath(
    'status',
    'The head of the log, lag and state of every read model and reactor, timers that are due, and the bus; errors and owners for somebody with an identity',
    json,
  ),
  '/livez': operatingPath('livez', 'The process runs', json),
  '/readyz': operatingPath(
    'readyz',
    'Every server that the process needs answers',
    json,
    problemResponses(['UNAVAILABLE']),
  ),
  '/metrics': operatingPath('metrics', 'Metrics in the Prometheus text format', 'text/plain'),
}
