import { parseSync } from 'vite'
import type { RepositoryFile } from './repository.ts'

/** A node of a file's syntax tree (ESTree with TypeScript). */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

export interface Import {
  readonly specifier: string
  /** Nothing of it is left when the types are gone. */
  readonly typeOnly: boolean
  readonly start: number
}

interface Syntax {
  readonly program: SyntaxNode
  readonly comments: readonly { readonly start: number; readonly end: number }[]
}

const parsed = new WeakMap<RepositoryFile, Syntax>()

function syntaxOf(file: RepositoryFile): Syntax {
  let syntax = parsed.get(file)
  if (syntax === undefined) {
    const lang = file.path.endsWith('x') ? 'tsx' : 'ts'
    const { program, comments } = parseSync(file.path, file.text, { lang, sourceType: 'module' })
    syntax = { program: program as unknown as SyntaxNode, comments }
    parsed.set(file, syntax)
  }
  return syntax
}

/** The code with every comment blanked out, offsets kept. */
export function withoutComments(file: RepositoryFile): string {
  let text = file.text
  for (const { start, end } of syntaxOf(file).comments) {
    text = text.slice(0, start) + text.slice(start, end).replaceAll(/[^\n]/g, ' ') + text.slice(end)
  }
  return text
}

/** Visits every node; `parent` is the node that holds it. */
export function visit(
  file: RepositoryFile,
  visitor: (node: SyntaxNode, parent: SyntaxNode | undefined) => void,
): void {
  const walk = (node: SyntaxNode, parent: SyntaxNode | undefined) => {
    visitor(node, parent)
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) {
        if (isNode(child)) walk(child, node)
      }
    }
  }
  walk(syntaxOf(file).program, undefined)
}

export function isNode(value: unknown): value is SyntaxNode {
  return (
    typeof value === 'object' && value !== null && typeof (value as SyntaxNode).type === 'string'
  )
}

const importing =
  /^(ImportDeclaration|ExportNamedDeclaration|ExportAllDeclaration|ImportExpression|TSImportType)$/

/** Everything a file imports or re-exports: static, dynamic and in types. */
export function importsOf(file: RepositoryFile): Import[] {
  const imports: Import[] = []
  visit(file, (node) => {
    const source = node['source']
    if (!isNode(source) || typeof source['value'] !== 'string' || !importing.test(node.type)) return
    imports.push({ specifier: source['value'], typeOnly: isTypeOnly(node), start: node.start })
  })
  return imports
}

function isTypeOnly(node: SyntaxNode): boolean {
  if (node.type === 'TSImportType') return true
  if (node['importKind'] === 'type' || node['exportKind'] === 'type') return true
  const specifiers = node['specifiers']
  if (!Array.isArray(specifiers) || specifiers.length === 0) return false
  return specifiers.every(
    (each: SyntaxNode) => each['importKind'] === 'type' || each['exportKind'] === 'type',
  )
}

/** The text literals of a file, with their offsets. */
export function literalsOf(
  file: RepositoryFile,
): { readonly value: string; readonly start: number }[] {
  const literals: { value: string; start: number }[] = []
  visit(file, (node) => {
    if (node.type === 'Literal' && typeof node['value'] === 'string')
      literals.push({ value: node['value'], start: node.start })
  })
  return literals
}
