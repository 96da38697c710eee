import type { Schema } from 'tailrace'

/** A schema that takes everything: what the world sends is right by construction. The name tells shapes of documents apart. */
export function plain<T>(name: string): Schema<T, T> {
  return {
    '~standard': {
      version: 1,
      vendor: name,
      validate: (value) => ({ value: value as T }),
    },
  }
}
