import { longFunctions, type Exemption } from '../exemptions.ts'
import {
  isCode,
  isTest,
  lineAt,
  type Finding,
  type Repository,
  type RepositoryFile,
  type Rule,
} from '../repository.ts'
import { isNode, visit, type SyntaxNode } from '../syntax.ts'

const linesMax = 70

/** A function that does not fit on a screen hides what it does. Tests are exempt: `describe` is a function. */
export function functionLength(exemptions: readonly Exemption[] = longFunctions): Rule {
  return {
    name: 'function length',
    *check(repository) {
      const unused = new Set(exemptions)
      for (const found of longOnes(repository)) {
        const exemption = exemptions.find(
          ({ path, name }) => path === found.file.path && name === found.name,
        )
        if (exemption === undefined) yield finding(found)
        else unused.delete(exemption)
      }
      for (const { path, name } of unused) {
        yield {
          path,
          message: `expected "${name}" to need its exemption, got a short or missing function; remove it from the exemptions`,
        }
      }
    },
  }
}

interface LongFunction {
  readonly file: RepositoryFile
  readonly name: string
  readonly line: number
  readonly lines: number
}

function* longOnes({ files }: Repository): Generator<LongFunction> {
  for (const file of files) {
    if (!isCode(file.path) || isTest(file.path)) continue
    const found: LongFunction[] = []
    visit(file, (node, parent) => {
      if (
        !/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type) ||
        !isNode(node['body'])
      )
        return
      const line = lineAt(file.text, node.start)
      const lines = lineAt(file.text, node.end) - line + 1
      if (lines > linesMax) found.push({ file, name: nameOf(node, parent), line, lines })
    })
    yield* found
  }
}

function nameOf(node: SyntaxNode, parent: SyntaxNode | undefined): string {
  for (const candidate of [node['id'], parent?.['key'], parent?.['id']]) {
    if (isNode(candidate) && typeof candidate['name'] === 'string') return candidate['name']
  }
  return 'anonymous'
}

function finding({ file, name, line, lines }: LongFunction): Finding {
  return {
    path: file.path,
    line,
    message: `expected "${name}" to have at most ${linesMax} lines, got ${lines}; take a step out of it`,
  }
}
