import type { Table } from './environment.ts'

/** The database that says which versions exist, and which one is read. */
export const catalogName = 'catalog'

const versions = 'version/'

/** The entry of a version in the catalog; without a number what those of all versions of a projection begin with. */
export function versionKey(projection: string, version: number | ''): Buffer {
  return Buffer.from(`${versions}${projection}/${version}`)
}

/** The databases of a version, by what its entry in the catalog names: `<projection>/<version>`. */
export function namesOf(version: string): { readonly documents: string; readonly state: string } {
  return { documents: `${version}/documents`, state: `${version}/state` }
}

/**
 * All databases that hold something. Those of a dropped version stay, empty: to open them as well would take a handle for
 * each version that there ever was, and handles are limited.
 */
export function namesInUse(catalog: Table): string[] {
  const found = [catalogName]
  const start = Buffer.from(versions)
  // The letter after the slash.
  for (const key of catalog.getKeys({ start, end: Buffer.from(versions.replace('/', '0')) })) {
    const { documents, state } = namesOf(key.toString('utf8', start.length))
    found.push(documents, state)
  }
  return found
}
