import { packagesOf, resolveImport } from '../modules.ts'
import { isCode, type Repository, type Rule } from '../repository.ts'
import { importsOf } from '../syntax.ts'

/** What imports each other at run time cannot be read, tested or loaded in parts. Imports of types alone are free. */
export const importCycles: Rule = {
  name: 'import cycles',
  *check(repository) {
    const reported = new Set<string>()
    for (const cycle of cyclesOf(runtimeImports(repository))) {
      const key = cycle.toSorted().join(' ')
      if (reported.has(key)) continue
      reported.add(key)
      yield {
        path: cycle[0]!,
        message: `expected no cycle of runtime imports, got ${[...cycle, cycle[0]].join(' → ')}; move what both need into a file below them`,
      }
    }
  },
}

function runtimeImports(repository: Repository): Map<string, string[]> {
  const packages = packagesOf(repository)
  const graph = new Map<string, string[]>()
  for (const file of repository.files) {
    if (!isCode(file.path)) continue
    const targets = importsOf(file)
      .filter(({ typeOnly }) => !typeOnly)
      .map(({ specifier }) => resolveImport(repository, packages, file.path, specifier))
    graph.set(
      file.path,
      targets.filter((path) => path !== undefined),
    )
  }
  return graph
}

/** Depth-first search; every edge back to a file on the current path closes a cycle. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = []
  const done = new Set<string>()
  const path: string[] = []
  const follow = (file: string) => {
    const start = path.indexOf(file)
    if (start >= 0) {
      cycles.push(path.slice(start))
      return
    }
    if (done.has(file)) return
    path.push(file)
    for (const next of graph.get(file) ?? []) follow(next)
    path.pop()
    done.add(file)
  }
  for (const file of graph.keys()) follow(file)
  return cycles
}
