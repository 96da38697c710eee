/** Values of a statement that are bound by the server: they are never part of its text. */
export class BoundValues {
  readonly #values: Record<string, unknown> = {}
  #count = 0

  get parameters(): Readonly<Record<string, unknown>> {
    return this.#values
  }

  /** Binds a value of a ClickHouse type and gives what stands for it in the statement. */
  add(type: string, value: unknown): string {
    const name = `v${this.#count++}`
    this.#values[name] = value
    return `{${name}:${type}}`
  }
}
