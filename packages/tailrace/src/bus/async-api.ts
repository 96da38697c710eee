import type { App } from '../declare/app.ts'
import { jsonSchemaOf } from '../declare/standard-schema.ts'
import type { RecordedEvent } from '../ports/event-log.ts'
import { encodeMessage } from './encode-message.ts'
import { cloudEventsJson, headerNames, placePattern } from './message-headers.ts'

export interface AsyncApiOptions {
  readonly title: string
  /** Of the described interface, not of the product. */
  readonly version: string
  /** The topic or stream that carries the events. */
  readonly address: string
  readonly server: { readonly host: string; readonly protocol: string }
  /** The history of the log, for the examples. */
  readonly history: string
  /** Real events: the first of each type becomes the example of its message. */
  readonly examples?: readonly RecordedEvent[]
}

type Json = Readonly<Record<string, unknown>>

/** Describes what an application publishes to a bus, for those who read it in any language: an AsyncAPI 3.1 document. */
export function asyncApi(app: App, options: AsyncApiOptions): Json {
  const types = [...app.events.keys()].toSorted()
  const refs = (path: string) =>
    Object.fromEntries(types.map((type) => [type, { $ref: `${path}/${type}` }]))
  return {
    asyncapi: '3.1.0',
    info: { title: options.title, version: options.version, description },
    defaultContentType: cloudEventsJson,
    servers: { bus: options.server },
    channels: {
      events: {
        address: options.address,
        description: 'Every event, in the order of positions within each partition.',
        messages: refs('#/components/messages'),
      },
    },
    operations: {
      publishEvents: {
        action: 'send',
        channel: { $ref: '#/channels/events' },
        messages: types.map((type) => ({ $ref: `#/channels/events/messages/${type}` })),
      },
    },
    components: {
      messages: Object.fromEntries(types.map((type) => [type, message(type, options)])),
      schemas: {
        Headers: headers,
        CloudEvent: cloudEvent,
        ...Object.assign({}, ...types.map((type) => schemasOf(app, type))),
      },
    },
  }
}

const description =
  'Each message is one event. Of the slots in "slots", nothing lies between "prevposition" and "position": a reader that has ' +
  'everything of these slots up to "prevposition" or beyond has missed nothing. Messages may come again: a position that is not ' +
  'above what was applied of its slot is a repetition. All of this is in the header "place", and last in it a CRC-32 in hexadecimal digits: ' +
  'of the text before it without the space, "\\n", and the body.'

function message(type: string, { examples = [], history }: AsyncApiOptions): Json {
  const example = examples.find((event) => event.type === type)
  return {
    name: type,
    title: type,
    contentType: cloudEventsJson,
    headers: { $ref: '#/components/schemas/Headers' },
    payload: { $ref: `#/components/schemas/${type}` },
    ...(example === undefined ? {} : { examples: [exampleOf(example, history)] }),
  }
}

function exampleOf(event: RecordedEvent, history: string): Json {
  const chain = { prevPosition: event.position - 1n, slots: { from: 0, to: 255 }, history }
  const { headers: texts, body } = encodeMessage(event, chain, Number.MAX_SAFE_INTEGER)
  return { name: event.type, headers: texts, payload: JSON.parse(body) as unknown }
}

/** The envelope with the data of one type, and the definitions that its schema brings along. */
function schemasOf(app: App, type: string): Json {
  const def = app.events.get(type)!
  const { $schema: _, $defs, ...own } = jsonSchemaOf(def.schema, 'output') ?? {}
  const hoisted = Object.entries(($defs ?? {}) as Json).map(([name, definition]) => [
    `${type}_${name}`,
    inComponents(definition, type),
  ])
  return {
    [type]: {
      allOf: [
        { $ref: '#/components/schemas/CloudEvent' },
        {
          type: 'object',
          properties: {
            type: { const: type },
            schemaversion: { type: 'integer', minimum: 1, maximum: def.schemaVersion },
            data: { $ref: `#/components/schemas/${type}Data` },
          },
        },
      ],
    },
    [`${type}Data`]: inComponents(own, type),
    ...Object.fromEntries(hoisted),
  }
}

function inComponents(schema: unknown, type: string): unknown {
  return JSON.parse(
    JSON.stringify(schema).replaceAll('"#/$defs/', `"#/components/schemas/${type}_`),
  ) as unknown
}

const decimal = { type: 'string', pattern: '^\\d{1,19}$' }

const headers = {
  type: 'object',
  properties: {
    [headerNames.contentType]: { const: cloudEventsJson },
    [headerNames.place]: {
      type: 'string',
      pattern: placePattern.source,
      description:
        '`<position> <prevposition> <slot> <slots> <history> <crc32>`: where it stands in the whole log, between which position ' +
        'and its own the log holds nothing of the slots of its partition, those slots as `<first>-<last>`, and `<system id>/<epoch>` of the log.',
    },
  },
  required: Object.values(headerNames),
}

const text = { type: 'string' }
const integer = { type: 'integer', minimum: 0 }

const cloudEvent = {
  type: 'object',
  properties: {
    specversion: { const: '1.0' },
    id: { ...text, description: 'Unique for ever, and the same when it is published again.' },
    source: { ...text, description: '`urn:tailrace:<system id>`.' },
    type: text,
    subject: { ...text, description: '`<aggregate>/<stream>`.' },
    time: { type: 'string', format: 'date-time' },
    datacontenttype: { const: 'application/json' },
    position: decimal,
    slot: { type: 'integer', minimum: 0, maximum: 255 },
    epoch: integer,
    aggregate: text,
    stream: text,
    streamversion: { type: 'integer', minimum: 1, description: '1, 2, 3 … within the stream.' },
    schemaversion: { type: 'integer', minimum: 1 },
    correlationid: { ...text, description: 'The command that caused it.' },
    ordinal: { ...integer, description: 'Which of its events this is.' },
    causationid: text,
    traceparent: text,
    omitted: {
      ...integer,
      description: 'Bytes of the data, which is absent because it was too large for the bus.',
    },
  },
  required: [
    'specversion',
    'id',
    'source',
    'type',
    'subject',
    'time',
    'datacontenttype',
    'position',
    'slot',
    'epoch',
    'aggregate',
    'stream',
    'streamversion',
    'schemaversion',
    'correlationid',
    'ordinal',
  ],
}
