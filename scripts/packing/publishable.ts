import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The parts of package.json that packing reads or changes. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly description?: string
  readonly private?: boolean
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly bin?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

export interface Publishable {
  readonly folder: string
  readonly manifest: Manifest
}

/** The packages that are published, each after the ones it is built against. */
export function publishablePackages(root: string): Publishable[] {
  const found = readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name))
    .map((folder) => ({
      folder,
      manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest,
    }))
    .filter(({ manifest }) => manifest.private !== true)
  return inBuildOrder(found)
}

export function inBuildOrder(packages: readonly Publishable[]): Publishable[] {
  const ordered: Publishable[] = []
  const open = [...packages]
  const names = new Set(packages.map(({ manifest }) => manifest.name))
  while (open.length > 0) {
    const ready = open.findIndex(({ manifest }) =>
      Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).every(
        (name) => !names.has(name) || ordered.some((done) => done.manifest.name === name),
      ),
    )
    if (ready < 0)
      throw new Error(
        `expected packages that can be built one after another, got a cycle among ${open.map(({ manifest }) => manifest.name).join(', ')}`,
      )
    ordered.push(...open.splice(ready, 1))
  }
  return ordered
}

/**
 * The manifest as it is published. The "source" condition is for this repository only: Node does not run TypeScript
 * below node_modules, and other tools use a condition of that name for themselves.
 */
export function publishedManifest(manifest: Manifest): Manifest {
  const entries = Object.entries(manifest.exports).map(
    ([subpath, { source: _, ...conditions }]) => [subpath, conditions],
  )
  return { ...manifest, exports: Object.fromEntries(entries) as Manifest['exports'] }
}

/** What a reader of the tarball finds first. */
export function readmeOf(manifest: Manifest): string {
  const { name, version, description = '', exports } = manifest
  const entries = Object.keys(exports).map((subpath) => `- \`${name}${subpath.slice(1)}\``)
  const beside = Object.entries(manifest.peerDependencies ?? {}).map(
    ([peer, range]) => `\`${peer}\` ${range}`,
  )
  return `# ${name} ${version}

${description}.

Imports, each with its types, as ES modules:

${entries.join('\n')}
${beside.length === 0 ? '' : `\nInstalled beside it: ${beside.join(', ')}.\n`}
Part of Tailrace: CQRS for TypeScript on PostgreSQL. Its documentation is in the folder \`docs\` of the repository: \`start.md\` makes a
first application, \`declare.md\` has what can be declared, \`operations.md\` what to watch. Types carry the same contracts as
comments; their sources are in \`src\`.
`
}
