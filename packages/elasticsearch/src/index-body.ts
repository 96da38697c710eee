import type { AnyProjectionDef } from 'tailrace/adapter'
import type { DocumentField } from './document-fields.ts'
import { keywordMax } from './field-values.ts'
import type { StoreSettings } from './store-options.ts'
import { analysis, wordsType } from './text-words.ts'

/** What an index is created with. */
export interface IndexBody {
  readonly settings: Readonly<Record<string, unknown>>
  readonly mappings: Readonly<Record<string, unknown>>
}

const types = {
  keyword: { type: 'keyword', ignore_above: keywordMax },
  uuid: { type: 'keyword' },
  date: { type: 'date', format: 'strict_date_optional_time' },
  long: { type: 'long' },
  double: { type: 'double' },
  boolean: { type: 'boolean' },
} as const

/**
 * The index of the documents: every field is declared, and nothing that a document holds beyond them can add one (`rest` is
 * not looked into).
 */
export function docsBody(fields: readonly DocumentField[], settings: StoreSettings): IndexBody {
  const properties = Object.fromEntries(
    fields.flatMap((field) => (field.kind === 'none' ? [] : [[field.name, typeOf(field)]])),
  )
  return {
    settings: { index: { ...commonSettings(settings), ...liveSettings(settings), analysis } },
    mappings: {
      dynamic: 'strict',
      properties: {
        tr: {
          properties: {
            key: { type: 'keyword' },
            position: { type: 'long' },
            deleted: { type: 'boolean' },
            at: { type: 'date', format: 'epoch_millis' },
            nulls: { type: 'keyword' },
            ...(fields.some(({ text }) => text) ? { words: wordsType } : {}),
          },
        },
        doc: { properties },
        rest: { type: 'object', enabled: false },
      },
    },
  }
}

/** The index of checkpoints and parked keys: one shard, seen by searches only when asked. */
export function stateBody(settings: StoreSettings, shape: string): IndexBody {
  return {
    settings: {
      index: {
        ...commonSettings({ ...settings, shards: 1 }),
        ...replicaSettings(settings),
        refresh_interval: '-1',
      },
    },
    mappings: {
      dynamic: 'strict',
      _meta: { tailrace: shape },
      properties: {
        kind: { type: 'keyword' },
        first: { type: 'long' },
        body: { type: 'object', enabled: false },
      },
    },
  }
}

/** What a bulk load changes and sets back. */
export function liveSettings(settings: StoreSettings): Readonly<Record<string, unknown>> {
  return { ...replicaSettings(settings), refresh_interval: `${settings.refreshIntervalMs}ms` }
}

export const loadingSettings: Readonly<Record<string, unknown>> = {
  auto_expand_replicas: false,
  number_of_replicas: 0,
  refresh_interval: '-1',
}

/** What other code must agree with to use an index of this version. */
export function shapeOf(
  projection: AnyProjectionDef,
  fields: readonly DocumentField[],
  { slices }: StoreSettings,
): string {
  const slice = slices[projection.name]
  // One text: the engine keeps no order of properties.
  return JSON.stringify({
    format: 1,
    fields: fields.map(({ property, name, kind, list, text }) =>
      [property, name, kind, list ? 'list' : 'one', text ? 'text' : ''].join(' '),
    ),
    ...(slice === undefined ? {} : { slices: `${slice.by} ${slice.every}` }),
  })
}

function typeOf({ kind, text }: DocumentField): object {
  const type = types[kind as keyof typeof types]
  if (!text) return type
  return { ...type, fields: { words: wordsType } }
}

/** Acknowledged is on disk, whatever a template of the cluster says. */
function commonSettings({ shards }: StoreSettings): Readonly<Record<string, unknown>> {
  return { number_of_shards: shards, 'translog.durability': 'request' }
}

function replicaSettings({ replicas }: StoreSettings): Readonly<Record<string, unknown>> {
  return replicas === undefined
    ? { auto_expand_replicas: '0-1' }
    : { auto_expand_replicas: false, number_of_replicas: replicas }
}
