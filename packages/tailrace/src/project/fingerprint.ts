/** Count and checksum of a set of documents, whatever their order. Finds accidents, not attackers. */
export class Fingerprint {
  count = 0
  #first = 0
  #second = 0

  /** `text`: the document's canonical text. */
  add(key: string, text: string): void {
    this.#first = (this.#first ^ hashOf(text, hashOf(key, 0x811c9dc5))) | 0
    this.#second = (this.#second + hashOf(text, hashOf(key, 0x1b873593))) | 0
    this.count++
  }

  get text(): string {
    return [this.#first, this.#second]
      .map((part) => (part >>> 0).toString(16).padStart(8, '0'))
      .join('')
  }
}

function hashOf(text: string, seed: number): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** JSON with sorted properties; what is undefined is absent. Equal exactly when the values are. */
export function canonicalText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`
  let text = ''
  for (const key of Object.keys(value).toSorted()) {
    const inner = (value as Record<string, unknown>)[key]
    if (inner !== undefined)
      text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalText(inner)}`
  }
  return `{${text}}`
}
