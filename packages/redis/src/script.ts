import { createHash } from 'node:crypto'

/** A script that the server runs as one step. Known by its hash; sent in full only where the server does not know it. */
export interface Script {
  readonly text: string
  readonly hash: string
}

export function script(text: string): Script {
  return { text, hash: createHash('sha1').update(text).digest('hex') }
}
