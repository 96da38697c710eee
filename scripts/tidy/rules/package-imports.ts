import { posix } from 'node:path'
import { packageAround, packageImport, packagesOf, type WorkspacePackage } from '../modules.ts'
import {
  isCode,
  isTest,
  lineAt,
  type Finding,
  type RepositoryFile,
  type Rule,
} from '../repository.ts'
import { importsOf, type Import } from '../syntax.ts'

/** Adapters see the core through one door, and each other not at all. */
const adapters = new Set([
  'postgres',
  'lmdb',
  'kafka',
  'rabbitmq',
  'nats',
  'redis',
  'elasticsearch',
  'clickhouse',
  'cassandra',
])

/** Packages of ours that another one may import at run time. Imports of types are free, except between adapters. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  tailrace: [],
  conformance: ['tailrace/adapter'],
  client: ['tailrace/client'],
  console: ['@tailrace/admin', '@tailrace/client', '@tailrace/client/react'],
  cli: ['tailrace', '@tailrace/admin', '@tailrace/admin/client'],
}

export const packageImports: Rule = {
  name: 'package imports',
  *check(repository) {
    const packages = packagesOf(repository)
    const ours = new Set(packages.map(({ name }) => name))
    for (const file of repository.files) {
      const folder = /^packages\/([^/]+)\/src\//.exec(file.path)?.[1]
      const own = packageAround(packages, file.path)
      if (folder === undefined || own === undefined || !isCode(file.path) || isTest(file.path))
        continue
      for (const each of importsOf(file)) {
        const message =
          outside(own, file.path, each) ??
          undeclared(own, each) ??
          forbidden(folder, ours, own, each)
        if (message !== undefined) yield at(file, each, message)
      }
    }
  },
}

function at(file: RepositoryFile, { start }: Import, message: string): Finding {
  return { path: file.path, line: lineAt(file.text, start), message }
}

/** A package reaches another one by its name, never by a path that leaves its folder. */
function outside(own: WorkspacePackage, path: string, { specifier }: Import): string | undefined {
  if (
    !specifier.startsWith('.') ||
    posix.join(posix.dirname(path), specifier).startsWith(`${own.folder}/`)
  )
    return undefined
  return `expected ${own.name} to import other packages by name, got "${specifier}"`
}

function undeclared(own: WorkspacePackage, { specifier }: Import): string | undefined {
  const name = packageImport(specifier)?.name
  if (name === undefined || name === own.name || own.dependencies.has(name)) return undefined
  return `expected "${name}" among the dependencies of ${own.name}, got an import without one; declare it in package.json`
}

function forbidden(
  folder: string,
  ours: ReadonlySet<string>,
  own: WorkspacePackage,
  { specifier, typeOnly }: Import,
): string | undefined {
  const name = packageImport(specifier)?.name
  if (name === undefined || name === own.name || !ours.has(name)) return undefined
  if (adapters.has(folder)) {
    if (specifier === 'tailrace/adapter' || (specifier === 'tailrace' && typeOnly)) return undefined
    return `expected an adapter to import "tailrace/adapter" and types of "tailrace" only, got "${specifier}"`
  }
  const isAdapter = adapters.has(name.replace('@tailrace/', ''))
  const allowed = mayImport[folder]
  if (!isAdapter && (typeOnly || allowed === undefined || allowed.includes(specifier)))
    return undefined
  return `expected ${own.name} to import ${allowed?.join(', ') || 'no other package'} of ours, got "${specifier}"`
}
