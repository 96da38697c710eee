import type { Token } from './sql-tokens.ts'

/** Words after which an expression begins: `IN` after one of them is the function of that name. */
const beforeExpressions: ReadonlySet<string> = new Set(
  'SELECT DISTINCT WHERE PREWHERE HAVING QUALIFY AND OR XOR NOT ON BY WHEN THEN ELSE CASE WITH BETWEEN LIKE ILIKE LIMIT OFFSET USING IN IS'.split(
    ' ',
  ),
)

const functionNames =
  /^(in|notIn|globalIn|globalNotIn|nullIn|notNullIn|globalNullIn|globalNotNullIn)(IgnoreSet)?$/

/**
 * The names that stand on the right of `IN` and may be those of tables: the server takes `x IN name` and `x IN (name)` for
 * a look into a table, and `in(x, name)` too, of which the name of the function is given.
 */
export function namesAfterIn(tokens: readonly Token[]): string[] {
  return tokens.flatMap((token, i) => {
    if (token.kind !== 'word') return []
    const isCall = tokens[i + 1]?.text === '('
    if (isCall && functionNames.test(token.text) && !isOperator(tokens, i)) return [token.text]
    return token.text.toUpperCase() === 'IN' ? operandName(tokens, i + 1) : []
  })
}

/** Whether something stands on its left. */
function isOperator(tokens: readonly Token[], at: number): boolean {
  if (tokens[at]!.text.toUpperCase() !== 'IN') return false
  let i = at - 1
  while (/^(NOT|GLOBAL)$/i.test(tokens[i]?.text ?? '')) i--
  const left = tokens[i]
  if (left === undefined) return false
  if (left.kind === 'word') return !beforeExpressions.has(left.text.toUpperCase())
  if (left.kind === 'sign') return left.text === ')'
  return left.kind === 'name' || /^['"`\d\]}]/.test(left.text)
}

/** One name, with what it is qualified by, in any number of parentheses. */
function operandName(tokens: readonly Token[], from: number): string[] {
  let at = from
  while (tokens[at]?.text === '(') at++
  const depth = at - from
  if (!isName(tokens[at])) return []
  let name = tokens[at]!.text
  let next = at + 1
  while (tokens[next]?.text === '.' && isName(tokens[next + 1])) {
    name += `.${tokens[next + 1]!.text}`
    next += 2
  }
  const isCall = tokens[next]?.text === '('
  if (isCall && depth === 0) return []
  return depth === 0 || tokens[next]?.text === ')' ? [name] : []
}

function isName(token: Token | undefined): boolean {
  return token?.kind === 'word' || /^["`]/.test(token?.text ?? '')
}
