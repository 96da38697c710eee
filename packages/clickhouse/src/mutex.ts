/** One after the other, in the order of asking. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(body: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(body)
    this.#last = mine.catch(() => undefined)
    return mine
  }
}
