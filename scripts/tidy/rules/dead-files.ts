import { posix } from 'node:path'
import { packagesOf, resolveImport } from '../modules.ts'
import { isCode, isTest, type Repository, type RepositoryFile, type Rule } from '../repository.ts'
import { importsOf, literalsOf } from '../syntax.ts'

/**
 * Every file is reached from something that runs: a package's entry, a script, a page, a test, a configuration. What a
 * package ships must be reached without its tests: code that only its own test calls is dead too.
 */
export const deadFiles: Rule = {
  name: 'dead files',
  *check(repository) {
    const references = referencesOf(repository)
    const started = repository.files.filter(({ path }) => isCode(path) && isStarted(path))
    const running = reach(references, [
      ...mentioned(repository),
      ...started.map(({ path }) => path),
    ])
    const tests = repository.files.filter(({ path }) => isCode(path) && isTest(path))
    const tested = reach(references, [...running, ...tests.map(({ path }) => path)])
    for (const { path } of repository.files) {
      if (!isCode(path) || running.has(path)) continue
      if (!tested.has(path))
        yield {
          path,
          message:
            'expected to be imported from an entry, a script or a test, got no import; remove it',
        }
      else if (/^packages\/[^/]+\/src\//.test(path) && !isTest(path)) {
        yield {
          path,
          message:
            'expected to be reached from an entry of the package, got imports from tests only; use it, remove it, or move it to a "test" folder',
        }
      }
    }
  },
}

function isStarted(path: string): boolean {
  return path.endsWith('.config.ts') || path.startsWith('docs/')
}

/** Paths that package.json files, pages and shell scripts name. */
function mentioned(repository: Repository): string[] {
  const found: string[] = []
  for (const { entries, folder, scripts } of packagesOf(repository)) {
    found.push(...entries.values())
    for (const script of Object.values(scripts)) {
      for (const word of script.split(/\s+/)) found.push(posix.join(folder, word))
    }
  }
  for (const { path, text } of repository.files) {
    if (path.endsWith('.html')) {
      for (const [, target] of text.matchAll(/src="([^"]+\.tsx?)"/g)) {
        found.push(posix.join(posix.dirname(path), target!))
      }
    } else if (path.startsWith('.ci/') || path.endsWith('.sh')) {
      for (const [target] of text.matchAll(/[\w./-]+\.tsx?/g)) found.push(posix.join('.', target))
    }
  }
  return found.filter((path) => repository.paths.has(path))
}

function referencesOf(repository: Repository): Map<string, string[]> {
  const packages = packagesOf(repository)
  const references = new Map<string, string[]>()
  for (const file of repository.files) {
    if (!isCode(file.path)) continue
    const imported = importsOf(file).map(({ specifier }) =>
      resolveImport(repository, packages, file.path, specifier),
    )
    references.set(
      file.path,
      [...imported, ...namedPaths(repository, file)].filter((path) => path !== undefined),
    )
  }
  return references
}

/** Files that are started by path, such as a worker or a setup file, and so are named in a text. */
function namedPaths(repository: Repository, file: RepositoryFile): string[] {
  return literalsOf(file)
    .filter(({ value }) => /\.(tsx?|html)$/.test(value))
    .flatMap(({ value }) => [posix.join(posix.dirname(file.path), value), posix.join('.', value)])
    .filter((path) => repository.paths.has(path) && path !== file.path)
}

function reach(
  references: ReadonlyMap<string, readonly string[]>,
  from: readonly string[],
): Set<string> {
  const reached = new Set<string>()
  const open = [...from]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    open.push(...(references.get(path) ?? []))
  }
  return reached
}
