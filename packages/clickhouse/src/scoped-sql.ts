import { nearest, TailraceError } from 'tailrace/adapter'
import { namesAfterIn } from './in-operands.ts'
import { tokensOf, type Token } from './sql-tokens.ts'

/** Words after which a list of tables ends. */
const ends: ReadonlySet<string> = new Set(
  'PREWHERE WHERE GROUP ORDER HAVING LIMIT OFFSET UNION INTERSECT EXCEPT SETTINGS QUALIFY WINDOW SAMPLE'.split(
    ' ',
  ),
)

/** Functions that make rows of their arguments alone. */
const rowMakers: ReadonlySet<string> = new Set([
  'NUMBERS',
  'GENERATE_SERIES',
  'GENERATESERIES',
  'ZEROS',
  'VALUES',
])

/**
 * Puts the sources of tables for `$name`. Refuses what is no SELECT, and any other table: the tables of a projection hold
 * rows twice until the server merges them, so a read by their physical names gives wrong sums. This finds mistakes; what a
 * query may do at most is up to the rights of the store's user. Throws `READ_UNSUPPORTED`.
 */
export function scopedSql(sql: string, tables: ReadonlyMap<string, string>): string {
  const tokens = tokensOf(sql)
  const first = tokens[0]?.text.toUpperCase()
  if (first !== 'SELECT' && first !== 'WITH' && first !== '(')
    throw refused(`one SELECT, got a statement that begins with "${tokens[0]?.text ?? ''}"`)
  if (tokens.some(({ text }) => text === ';')) throw refused('one statement, got ";"')
  const common = commonNames(tokens)
  checkTables(tokens, tables, common)
  checkMembership(tokens, tables, common)
  let text = ''
  let at = 0
  for (const token of tokens) {
    if (token.kind !== 'name') continue
    text += sql.slice(at, token.at) + sourceOf(token.text, tables)
    at = token.at + token.text.length
  }
  return text + sql.slice(at)
}

function refused(text: string): TailraceError {
  return new TailraceError('READ_UNSUPPORTED', `expected ${text}`)
}

function sourceOf(name: string, tables: ReadonlyMap<string, string>): string {
  const source = tables.get(name.slice(1))
  if (source !== undefined) return source
  const known = [...tables.keys()]
  throw refused(
    `a table of the projection (${known.map((one) => `$${one}`).join(', ')}), got "${name}"${nearest(name.slice(1), known)}`,
  )
}

/** Names that the statement itself gives to subqueries: `WITH name AS (`. */
function commonNames(tokens: readonly Token[]): ReadonlySet<string> {
  const names = new Set<string>()
  tokens.forEach((token, i) => {
    const [as, open] = [tokens[i + 1], tokens[i + 2]]
    if (token.kind === 'word' && as?.text.toUpperCase() === 'AS' && open?.text === '(')
      names.add(token.text)
  })
  return names
}

/** What stands after FROM and JOIN, and after commas in between, must be a table of the projection or made of one. */
function checkTables(
  tokens: readonly Token[],
  tables: ReadonlyMap<string, string>,
  common: ReadonlySet<string>,
): void {
  /** Of each open parenthesis, whether a list of tables goes on in it. */
  const lists: boolean[] = [false]
  tokens.forEach((token, i) => {
    const word = token.kind === 'word' ? token.text.toUpperCase() : ''
    const isFunctionName = tokens[i + 1]?.text === '('
    if (token.text === '(') lists.push(false)
    else if (token.text === ')') lists.pop()
    else if (word === 'FROM' && isDataAfter(tokens, i)) {
      lists[lists.length - 1] = true
      checkTable(tokens, i + 1, tables, common)
    } else if (word === 'JOIN' && !isArrayJoin(tokens, i) && !isFunctionName) {
      lists[lists.length - 1] = true
      checkTable(tokens, i + 1, tables, common)
    } else if (word === 'JOIN' && isFunctionName && !isArrayJoin(tokens, i)) {
      checkTable(tokens, i + 1, tables, common)
    } else if (token.text === ',' && lists.at(-1) === true) {
      checkTable(tokens, i + 1, tables, common)
    } else if (ends.has(word) || word === 'ON' || word === 'USING') {
      lists[lists.length - 1] = false
    }
    if (word === 'ARRAY' && tokens[i + 1]?.text.toUpperCase() === 'JOIN')
      lists[lists.length - 1] = false
  })
}

/** `extract(DAY FROM x)` and `trim(BOTH ' ' FROM x)` name no tables. */
function isDataAfter(tokens: readonly Token[], from: number): boolean {
  let depth = 0
  for (let i = from - 1; i >= 0; i--) {
    const text = tokens[i]!.text
    if (text === ')') depth++
    else if (text === '(' && depth > 0) depth--
    else if (text === '(')
      return !/^(extract|trim|substring|position)$/i.test(tokens[i - 1]?.text ?? '')
  }
  return true
}

function isArrayJoin(tokens: readonly Token[], join: number): boolean {
  return tokens[join - 1]?.text.toUpperCase() === 'ARRAY'
}

function checkTable(
  tokens: readonly Token[],
  at: number,
  tables: ReadonlyMap<string, string>,
  common: ReadonlySet<string>,
): void {
  const token = tokens[at]
  if (token?.kind === 'name' || token?.text === '(') return
  const isCall = tokens[at + 1]?.text === '('
  const isQualified = tokens[at + 1]?.text === '.'
  if (token?.kind === 'word' && !isQualified) {
    if (isCall ? rowMakers.has(token.text.toUpperCase()) : common.has(token.text)) return
  }
  const known = [...tables.keys()].map((one) => `$${one}`).join(', ')
  throw refused(`tables of the projection (${known}), got "${token?.text ?? 'nothing'}"`)
}

/** What `IN` looks into must be a list, a subquery, or named by the statement itself. */
function checkMembership(
  tokens: readonly Token[],
  tables: ReadonlyMap<string, string>,
  common: ReadonlySet<string>,
): void {
  const given = new Set(common)
  tokens.forEach((token, i) => {
    if (tokens[i - 1]?.text.toUpperCase() === 'AS' && token.kind === 'word') given.add(token.text)
  })
  const name = namesAfterIn(tokens).find((one) => !given.has(one))
  if (name === undefined) return
  const known = [...tables.keys()].map((one) => `$${one}`).join(', ')
  throw refused(
    `IN with a list or a subquery over tables of the projection (${known}), got "${name}"; for an array take has()`,
  )
}
