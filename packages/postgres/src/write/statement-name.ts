import { createHash } from 'node:crypto'

/**
 * The name under which a connection prepares a statement. It names the text, so that stores which share a pool never
 * mean different statements by one name. Well below the server's 63 bytes.
 */
export function statementName(kind: string, text: string): string {
  return `tailrace_${kind}_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`
}
