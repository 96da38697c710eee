/** Writes how far a long job is, once a second, on one line of stderr. */
export class Progress {
  readonly #total: number
  readonly #started = performance.now()
  readonly #timer: NodeJS.Timeout
  #done = 0

  constructor(total: number, write: (text: string) => void = (text) => process.stderr.write(text)) {
    this.#total = total
    this.#timer = setInterval(() => write(`${this.line()}\n`), 1_000)
    this.#timer.unref()
  }

  set(done: number): void {
    this.#done = done
  }

  line(): string {
    const seconds = (performance.now() - this.#started) / 1_000
    const rate = this.#done / Math.max(seconds, 0.001)
    const share = this.#total === 0 ? 100 : Math.floor((100 * this.#done) / this.#total)
    const left = rate === 0 ? '' : `, ${Math.ceil((this.#total - this.#done) / rate)} s left`
    return `${this.#done.toLocaleString('en')} of ${this.#total.toLocaleString('en')} rows (${share} %), ${Math.round(rate).toLocaleString('en')} rows/s${left}`
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
