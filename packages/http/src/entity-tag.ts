import { hash } from 'node:crypto'

/** A weak entity tag of a text: equal texts, equal tags. Weak, since the freshness around the data differs each time. */
export function entityTag(text: string): string {
  return `W/"${hash('sha1', text, 'base64url')}"`
}
