export interface SseEvent {
  readonly event: string
  readonly data: string
  /** The last id that the stream gave. */
  readonly id: string
}

const bufferMax = 1024 * 1024

/** Parses a stream of server-sent events, in chunks as they come. Comments give nothing, which is what heartbeats are. */
export class SseParser {
  #rest = ''
  #event = ''
  #data: string[] = []
  #id = ''
  /** Milliseconds that the server asks to wait before coming again. */
  retryMs: number | undefined

  push(chunk: string): SseEvent[] {
    const events: SseEvent[] = []
    const text = this.#rest + chunk
    // A carriage return at the end may be half of a line end.
    const lines = text.split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop()!
    if (this.#rest.length > bufferMax)
      throw new Error(`expected lines of at most ${bufferMax} characters`)
    for (const line of lines) {
      if (line === '') this.#dispatch(events)
      else this.#field(line)
    }
    return events
  }

  #dispatch(events: SseEvent[]): void {
    if (this.#data.length > 0)
      events.push({ event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id })
    this.#event = ''
    this.#data = []
  }

  #field(line: string): void {
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'event') this.#event = value
    else if (name === 'data') this.#data.push(value)
    else if (name === 'id' && !value.includes('\0')) this.#id = value
    else if (name === 'retry' && /^\d{1,9}$/.test(value)) this.retryMs = Number(value)
  }
}
