import { posix } from 'node:path'
import type { Repository, RepositoryFile } from './repository.ts'

/** A package of the repository, as its package.json declares it. */
export interface WorkspacePackage {
  readonly name: string
  readonly folder: string
  /** Source path by subpath, such as `./adapter`. */
  readonly entries: ReadonlyMap<string, string>
  readonly dependencies: ReadonlySet<string>
  readonly scripts: Readonly<Record<string, string>>
}

interface PackageJson {
  readonly name?: string
  readonly exports?: Readonly<Record<string, { readonly source?: string } | string>>
  readonly bin?: string | Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly scripts?: Readonly<Record<string, string>>
}

export function packagesOf(repository: Repository): WorkspacePackage[] {
  return repository.files
    .filter((file) => posix.basename(file.path) === 'package.json')
    .map((file) => packageOf(file))
}

function packageOf(file: RepositoryFile): WorkspacePackage {
  const json = JSON.parse(file.text) as PackageJson
  const folder = posix.dirname(file.path)
  const entries = new Map<string, string>()
  for (const [subpath, target] of Object.entries(json.exports ?? {})) {
    const source = typeof target === 'string' ? target : target.source
    if (source !== undefined) entries.set(subpath, posix.join(folder, source))
  }
  const dependencies = [
    json.dependencies,
    json.peerDependencies,
    json.optionalDependencies,
  ].flatMap((group) => Object.keys(group ?? {}))
  return {
    name: json.name ?? folder,
    folder,
    entries,
    dependencies: new Set(dependencies),
    scripts: json.scripts ?? {},
  }
}

/** The package that a file belongs to: the nearest one above it. */
export function packageAround(
  packages: readonly WorkspacePackage[],
  path: string,
): WorkspacePackage | undefined {
  return packages
    .filter(({ folder }) => folder === '.' || path.startsWith(`${folder}/`))
    .toSorted((a, b) => b.folder.length - a.folder.length)[0]
}

/** Splits an import into the package's name and the subpath; undefined for relative imports and Node's own modules. */
export function packageImport(
  specifier: string,
): { readonly name: string; readonly subpath: string } | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined
  const parts = specifier.split('/')
  const length = specifier.startsWith('@') ? 2 : 1
  return {
    name: parts.slice(0, length).join('/'),
    subpath: ['.', ...parts.slice(length)].join('/'),
  }
}

/** The file of the repository that an import means, if it means one. */
export function resolveImport(
  repository: Repository,
  packages: readonly WorkspacePackage[],
  from: string,
  specifier: string,
): string | undefined {
  if (specifier.startsWith('.')) {
    const path = posix.join(posix.dirname(from), specifier)
    return repository.paths.has(path) ? path : undefined
  }
  const wanted = packageImport(specifier)
  if (wanted === undefined) return undefined
  return packages.find(({ name }) => name === wanted.name)?.entries.get(wanted.subpath)
}
