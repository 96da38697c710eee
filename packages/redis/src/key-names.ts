/**
 * Where a projection lives. All keys of a projection share the hash tag `{projection}`: a cluster holds them on one node,
 * so that one script may change several.
 */
export interface ProjectionNames {
  /** Hash: which versions exist, which one is read, and what is being dropped. */
  readonly catalog: string
  /** The names of one version. A version that is dropped and made anew gets another incarnation, and so other names. */
  version(version: number, incarnation: string): VersionNames
}

export interface VersionNames {
  /** Every key of the version begins with it. */
  readonly base: string
  /** Hash: checkpoints by range, and the bulk load under way: its fence and a token. */
  readonly checkpoints: string
  /** Sorted set of the keys of all documents. */
  readonly keys: string
  /** Sorted set of position and key of deletions that are remembered. */
  readonly deletions: string
  /** Hash: parked keys and why. */
  readonly parked: string
  document(keyText: string): string
  /** Sorted set of the positions parked under a key. */
  waiting(keyText: string): string
  /** Sorted set of the entries of a lookup. */
  lookup(id: string): string
}

export function projectionNames(prefix: string, projection: string): ProjectionNames {
  const tag = `${prefix}:{${projection}}`
  return {
    catalog: `${tag}:versions`,
    version(version, incarnation) {
      const base = `${tag}:v${version}.${incarnation}:`
      return {
        base,
        checkpoints: `${base}c`,
        keys: `${base}k`,
        deletions: `${base}t`,
        parked: `${base}q`,
        document: (keyText) => `${base}d:${keyText}`,
        waiting: (keyText) => `${base}w:${keyText}`,
        lookup: (id) => `${base}i${id}`,
      }
    },
  }
}
