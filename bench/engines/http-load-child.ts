import { connect, type Socket } from 'node:net'

/** Sent to this process once. */
export interface LoadRequest {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** Whole requests, sent in turn. */
  readonly requests: readonly string[]
}

/** Sent back once. */
export interface LoadAnswer {
  readonly answered: number
  readonly seconds: number
  /** Milliseconds, sorted; every tenth answer. */
  readonly latencies: readonly number[]
  readonly failure?: string
}

const warmUpMs = 500

process.once('message', (message) => {
  run(message as LoadRequest)
    .catch((error: unknown): LoadAnswer => ({
      answered: 0,
      seconds: 0,
      latencies: [],
      failure: String(error),
    }))
    .then((answer) => process.send!(answer))
    .catch((error: unknown) => {
      throw error
    })
})

async function run({ port, connections, seconds, requests }: LoadRequest): Promise<LoadAnswer> {
  const bytes = requests.map((text) => Buffer.from(text, 'latin1'))
  const start = performance.now() + warmUpMs
  const end = start + seconds * 1_000
  const latencies: number[] = []
  let answered = 0
  let next = 0
  const one = async (): Promise<void> => {
    const socket = await connected(port)
    const answers = new Answers(socket)
    for (let now = performance.now(); now < end;) {
      socket.write(bytes[next++ % bytes.length]!)
      await answers.next()
      const after = performance.now()
      if (now >= start && answered++ % 10 === 0) latencies.push(after - now)
      now = after
    }
    socket.destroy()
  }
  await Promise.all(Array.from({ length: connections }, one))
  return {
    answered,
    seconds: (performance.now() - start) / 1_000,
    latencies: latencies.toSorted((a, b) => a - b),
  }
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })
}

/** Cuts answers out of the stream: the head up to the empty line, then as many bytes as `content-length` says. */
class Answers {
  #rest: Buffer | undefined
  #resolve: (() => void) | undefined
  #reject: ((error: Error) => void) | undefined

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#reject?.(error))
    socket.on('close', () =>
      this.#reject?.(new Error('expected an answer, got a closed connection')),
    )
  }

  next(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  #take(chunk: Buffer): void {
    const all = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    const headEnd = all.indexOf('\r\n\r\n')
    const length = headEnd === -1 ? undefined : lengthOf(all.toString('latin1', 0, headEnd))
    if (length === undefined || all.length < headEnd + 4 + length) {
      this.#rest = all
      return
    }
    this.#rest = undefined
    if (all.toString('latin1', 9, 12) !== '200')
      this.#reject?.(new Error(`expected 200, got:\n${all.toString('latin1', 0, 2_000)}`))
    else this.#resolve?.()
  }
}

function lengthOf(head: string): number {
  return Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
}
