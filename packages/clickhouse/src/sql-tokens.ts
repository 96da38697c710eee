/** A piece of SQL as far as it matters here. */
export interface Token {
  readonly kind: 'word' | 'name' | 'sign' | 'other'
  readonly text: string
  readonly at: number
}

const tokenPattern =
  /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S])*"|`(?:[^`\\]|\\[\s\S])*`|\$[A-Za-z_]\w*|[A-Za-z_]\w*|\d[\w.]*|[\s\S]/g

/** The pieces of a statement, without white space and comments. */
export function tokensOf(sql: string): Token[] {
  const found: Token[] = []
  for (const { 0: text, index: at } of sql.matchAll(tokenPattern)) {
    if (/^(\s|--|\/\*)/.test(text)) continue
    if (text.startsWith('$') && text.length > 1) found.push({ kind: 'name', text, at })
    else if (/^[A-Za-z_]/.test(text)) found.push({ kind: 'word', text, at })
    else if (/^[(),;.]$/.test(text)) found.push({ kind: 'sign', text, at })
    else found.push({ kind: 'other', text, at })
  }
  return found
}
