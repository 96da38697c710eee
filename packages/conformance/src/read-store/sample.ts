import {
  type AnyProjectionDef,
  type AnySchema,
  type ApplyBatch,
  type CheckpointMove,
  type DocumentChange,
} from 'tailrace/adapter'

/** A Standard Schema of a JSON schema: accepts everything, says what it is. */
export function schemaOf(jsonSchema: Record<string, unknown>): AnySchema {
  return {
    '~standard': {
      version: 1,
      vendor: 'tailrace-conformance',
      validate: (value: unknown) => ({ value }),
      jsonSchema: { input: () => jsonSchema, output: () => jsonSchema },
    },
  } as AnySchema
}

const text = { type: 'string' }

/** The document of the suite: each type that stores treat in their own way. */
export const itemSchema = {
  type: 'object',
  properties: {
    id: text,
    owner: { type: 'string', format: 'uuid' },
    at: { type: 'string', format: 'date-time' },
    count: { type: 'integer' },
    ratio: { type: 'number' },
    open: { type: 'boolean' },
    status: { type: 'string', enum: ['placed', 'paid', 'shipped'] },
    note: { anyOf: [text, { type: 'null' }] },
    hint: text,
    tags: { type: 'array', items: text },
    lines: {
      type: 'array',
      items: { type: 'object', properties: { sku: text, quantity: { type: 'integer' } } },
    },
    title: text,
  },
  required: [
    'id',
    'owner',
    'at',
    'count',
    'ratio',
    'open',
    'status',
    'note',
    'tags',
    'lines',
    'title',
  ],
}

export type Item = {
  readonly id: string
  readonly owner: string
  readonly at: string
  readonly count: number
  readonly ratio: number
  readonly open: boolean
  readonly status: string
  readonly note: string | null
  readonly hint?: string
  readonly tags: readonly string[]
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[]
  readonly title: string
}

export function item(id: string, over: Partial<Item> = {}): Item {
  return {
    id,
    owner: '01890a5d-ac96-774b-bcce-b302099a8057',
    at: '2026-01-02T03:04:05.006Z',
    count: 1,
    ratio: 0.5,
    open: true,
    status: 'placed',
    note: null,
    tags: [],
    lines: [{ sku: 'sku-1', quantity: 2 }],
    title: `Item ${id}`,
    ...over,
  }
}

const event = {
  kind: 'event',
  type: 'Sampled',
  schemaVersion: 1,
  schema: schemaOf({}),
  upcasters: {},
}

/** A fold projection to open stores with. Its handlers are not called: the suite writes by itself. */
export function sample(
  name: string,
  version = 1,
  over: Partial<AnyProjectionDef> = {},
): AnyProjectionDef {
  return {
    kind: 'projection',
    name,
    shape: 'fold',
    version,
    from: [event as never],
    scope: 'stream',
    lagSloMs: 500,
    ignoresOthers: false,
    schema: schemaOf(itemSchema),
    lookup: {},
    tables: {},
    setup: [],
    keysOf: (one: never) => [(one as { stream: string }).stream],
    on: { Sampled: () => null },
    ...over,
  }
}

export const history = '00000000000000aa/1'
export const laterHistory = '00000000000000aa/2'
export const otherHistory = '00000000000000bb/1'

export function move(
  from: bigint | undefined,
  to: bigint,
  over: Partial<CheckpointMove> = {},
): CheckpointMove {
  return { range: 0, slots: { from: 0, to: 63 }, fence: 1n, from, to, ...over }
}

export function batch(
  moves: CheckpointMove | readonly CheckpointMove[],
  changes: readonly DocumentChange[] = [],
  over: Partial<ApplyBatch> = {},
): ApplyBatch {
  return {
    moves: Array.isArray(moves) ? (moves as CheckpointMove[]) : [moves as CheckpointMove],
    changes,
    rows: [],
    park: [],
    ...over,
  }
}

export function put(key: string, document: unknown, position: bigint): DocumentChange {
  return { key, document, position }
}
