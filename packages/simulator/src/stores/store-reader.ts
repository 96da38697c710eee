import { TailraceError, type DocumentReader, type Reader } from 'tailrace/adapter'
import type { AskStore } from './read-store.ts'
import type { VersionState } from './store-state.ts'

/** Reads documents by key; rows and tables of sql projections by a prefix of their key. */
export function readerOf(
  ask: AskStore,
  state: () => VersionState,
): Reader<'fold' | 'rows' | 'sql', never> {
  const documentOf = (key: string): unknown => {
    const text = state().documents.get(key)?.text
    return text === undefined ? undefined : JSON.parse(text)
  }
  const reader: DocumentReader<unknown> = {
    get: (key) => ask('get', false, () => documentOf(key)),
    getMany: (keys) => ask('getMany', false, () => keys.map(documentOf)),
    find: () =>
      Promise.reject(new TailraceError('READ_UNSUPPORTED', 'expected reads by key, got find')),
  }
  const sql = {
    query: (_: string, parameters: readonly unknown[] = []) =>
      ask('query', false, () => {
        const document = documentOf(String(parameters[0]))
        return document === undefined ? [] : [document]
      }),
  }
  return { ...reader, ...sql } as never
}
