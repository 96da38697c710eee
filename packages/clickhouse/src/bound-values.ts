/** A server takes a parameter of up to 128 KiB by default; a letter has up to three bytes, some of them escaped. */
const partLetters = 16 * 1024

/** Values of a statement that are bound by the server: they are never part of its text. */
export class BoundValues {
  readonly #values: Record<string, unknown> = {}
  #count = 0

  get parameters(): Readonly<Record<string, unknown>> {
    return this.#values
  }

  /** Binds a value of a ClickHouse type and gives what stands for it in the statement. */
  add(type: string, value: unknown): string {
    if (type === 'String' && typeof value === 'string' && value.length > partLetters) {
      const parts: string[] = []
      for (let from = 0; from < value.length;) {
        const to = endOfPart(value, from)
        parts.push(this.#bind(type, value.slice(from, to)))
        from = to
      }
      return `concat(${parts.join(', ')})`
    }
    return this.#bind(type, value)
  }

  #bind(type: string, value: unknown): string {
    const name = `v${this.#count++}`
    this.#values[name] = value
    return `{${name}:${type}}`
  }
}

/** A letter of two halves stays whole. */
function endOfPart(text: string, from: number): number {
  const to = from + partLetters
  return to < text.length && text.codePointAt(to - 1)! > 0xffff ? to - 1 : to
}
