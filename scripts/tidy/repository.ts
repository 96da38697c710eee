import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A text file of the repository; `path` is relative to its root and uses forward slashes. */
export interface RepositoryFile {
  readonly path: string
  readonly text: string
}

export interface Repository {
  readonly files: readonly RepositoryFile[]
  /** Every path, files that are not text included. */
  readonly paths: ReadonlySet<string>
}

export interface Finding {
  readonly path: string
  readonly line?: number
  /** "expected X, got Y; remedy". */
  readonly message: string
}

/** One house rule. It looks at the whole repository and says what breaks it. */
export interface Rule {
  readonly name: string
  check(repository: Repository): Iterable<Finding>
}

const binary = /\.(png|jpe?g|gif|ico|webp|woff2?|gz|tgz|zip|xlsx|parquet|pdf)$/i
const textBytesMax = 2 * 1024 * 1024

/** Reads what git tracks or would track: nothing that is ignored. */
export function readRepository(root: string): Repository {
  const listed = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: root, encoding: 'utf8' },
  )
  const files = new Map<string, string>()
  for (const path of new Set(listed.split('\0').filter(Boolean))) {
    const status = statSync(join(root, path), { throwIfNoEntry: false })
    if (status === undefined || !status.isFile()) continue
    const isText = !binary.test(path) && status.size <= textBytesMax
    files.set(path, isText ? readFileSync(join(root, path), 'utf8') : '')
  }
  return repositoryOf(Object.fromEntries(files))
}

/** A repository in memory. */
export function repositoryOf(texts: Readonly<Record<string, string>>): Repository {
  const files = Object.entries(texts).map(([path, text]) => ({ path, text }))
  return { files, paths: new Set(files.map((file) => file.path)) }
}

export function isCode(path: string): boolean {
  return /\.tsx?$/.test(path) && !path.endsWith('.d.ts')
}

export function isTest(path: string): boolean {
  return /\.(test|bench)\.tsx?$/.test(path) || /(^|\/)test\//.test(path)
}

/** Numbers lines from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
