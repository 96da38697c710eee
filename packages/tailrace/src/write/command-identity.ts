import { hash } from 'node:crypto'
import type { Actor } from '../declare/actor.ts'
import { canonicalJson } from './canonical-json.ts'

/** The command id of an idempotency key: the same actor and key give the same uuid (version 8), on every process. */
export function commandIdOfKey(actor: Actor | undefined, key: string): string {
  return uuidOf(JSON.stringify(actor === undefined ? [key] : [actor.role, actor.id, key]))
}

/** The n-th id of a command: the same command run again gets the same ids. */
export function derivedId(commandId: string, n: number): string {
  return uuidOf(`${commandId}/${n}`)
}

/** Hash of name and canonical input: tells a repeated command from another one under the same key. Undefined for what is no JSON. */
export function fingerprintOf(name: string, input: unknown): string | undefined {
  const text = canonicalJson(input)
  return text === undefined ? undefined : hash('sha256', `${name}\n${text}`, 'hex')
}

/** A uuid of version 8 from the SHA-256 of a text. */
function uuidOf(text: string): string {
  const hex = hash('sha256', text, 'hex')
  const variant = ((Number.parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
