import type { StoredDocument } from '../ports/read-store.ts'

/**
 * Recently written documents, so that a busy key needs no load. Only sound where a write by anyone else makes our next
 * checkpoint move fail (a transactional store): then the cache is cleared before anything wrong can be written.
 */
export class DocumentCache {
  readonly #max: number
  readonly #documents = new Map<string, StoredDocument | undefined>()

  constructor(max: number) {
    this.#max = max
  }

  has(key: string): boolean {
    return this.#documents.has(key)
  }

  /** Undefined also means: known to be absent. */
  get(key: string): StoredDocument | undefined {
    const document = this.#documents.get(key)
    this.set(key, document)
    return document
  }

  set(key: string, document: StoredDocument | undefined): void {
    if (this.#max === 0) return
    this.#documents.delete(key)
    this.#documents.set(key, document)
    if (this.#documents.size > this.#max)
      this.#documents.delete(this.#documents.keys().next().value!)
  }

  delete(key: string): void {
    this.#documents.delete(key)
  }

  clear(): void {
    this.#documents.clear()
  }
}
