import { isCode, isTest, lineAt, type Rule } from '../repository.ts'
import { isNode, visit, type SyntaxNode } from '../syntax.ts'

/** The one file of the core that may look at the real clock and roll real dice. */
const systemClock = 'packages/tailrace/src/run/system-clock.ts'

const forbiddenNames = new Set([
  'setTimeout',
  'setInterval',
  'setImmediate',
  'fetch',
  'randomUUID',
  'performance',
])
const forbiddenMembers = new Set([
  'Date.now',
  'Math.random',
  'crypto.randomUUID',
  'crypto.getRandomValues',
  'process.hrtime',
  'performance.now',
])
const forbiddenModules = /^(node:)?(timers|timers\/promises|http|https|net)$/
const randomSources = /^(random|webcrypto|getRandomValues|generate)/

/** Time and chance enter the core through its clock only: that is what lets the simulator replay any run from a seed. */
export const determinism: Rule = {
  name: 'determinism',
  *check({ files }) {
    for (const file of files) {
      const { path, text } = file
      if (
        !path.startsWith('packages/tailrace/src/') ||
        !isCode(path) ||
        isTest(path) ||
        path === systemClock
      )
        continue
      const found: { name: string; start: number }[] = []
      visit(file, (node, parent) => {
        const name = forbiddenIn(node, parent)
        if (name !== undefined) found.push({ name, start: node.start })
      })
      for (const { name, start } of found) {
        yield {
          path,
          line: lineAt(text, start),
          message: `expected time, chance and the network to come through the clock or a port, got ${name}`,
        }
      }
    }
  },
}

function forbiddenIn(node: SyntaxNode, parent: SyntaxNode | undefined): string | undefined {
  if (
    node.type === 'NewExpression' &&
    nameOf(node['callee']) === 'Date' &&
    (node['arguments'] as unknown[]).length === 0
  )
    return 'new Date()'
  if (node.type === 'CallExpression' && nameOf(node['callee']) === 'Date') return 'Date()'
  if (node.type === 'MemberExpression') {
    const name = `${nameOf(node['object'])}.${nameOf(node['property'])}`.replace('globalThis.', '')
    return forbiddenMembers.has(name) ||
      (nameOf(node['object']) === 'globalThis' && forbiddenNames.has(name))
      ? name
      : undefined
  }
  if (node.type === 'ImportDeclaration' && node['importKind'] !== 'type')
    return forbiddenImport(node)
  const called = parent?.type === 'CallExpression' && parent['callee'] === node
  return node.type === 'Identifier' && called && forbiddenNames.has(nameOf(node))
    ? `${nameOf(node)}()`
    : undefined
}

/** Hashing is free: of "crypto" only what makes something new each time is forbidden. */
function forbiddenImport(node: SyntaxNode): string | undefined {
  const module = String((node['source'] as SyntaxNode)['value'])
  if (forbiddenModules.test(module)) return `an import of "${module}"`
  if (!/^(node:)?crypto$/.test(module)) return undefined
  const names = (node['specifiers'] as SyntaxNode[]).map(
    (each) => nameOf(each['imported']) || 'everything',
  )
  const random = names.find((name) => name === 'everything' || randomSources.test(name))
  return random === undefined ? undefined : `an import of ${random} from "${module}"`
}

function nameOf(node: unknown): string {
  return isNode(node) && typeof node['name'] === 'string' ? node['name'] : ''
}
