import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

const script = new URL('orders-process.ts', import.meta.url).pathname
const readyMs = 120_000

/** A process of the order system that is started again when it dies, until it is told to stop. */
export class KeptProcess {
  readonly name: string
  readonly #settings: object
  #child: ChildProcess | undefined
  #url = ''
  #stopping = false
  #ready: Promise<void> = Promise.resolve()
  deaths = 0

  constructor(name: string, settings: object) {
    this.name = name
    this.#settings = settings
  }

  /** Where it listens now; another place after each start. */
  get url(): string {
    return this.#url
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves when it is up. */
  start(): Promise<void> {
    this.#ready = new Promise((resolve, reject) => {
      const child = spawn(
        process.execPath,
        ['--conditions=source', script, JSON.stringify(this.#settings)],
        {
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      )
      this.#child = child
      let complaint = ''
      const late = setTimeout(
        () => reject(new Error(`${this.name} was not ready within ${readyMs} ms: ${complaint}`)),
        readyMs,
      )
      createInterface({ input: child.stdout! }).on('line', (line) => {
        if (!line.startsWith('ready ')) return
        this.#url = line.slice(6)
        clearTimeout(late)
        resolve()
      })
      child.stderr!.on(
        'data',
        (text: Buffer) => (complaint = (complaint + text.toString()).slice(-4_000)),
      )
      child.on('exit', (code) => {
        clearTimeout(late)
        if (this.#stopping) return resolve()
        this.deaths++
        // A server that is just recovering refuses a process that starts: it tries again, as a supervisor would.
        setTimeout(
          () => {
            if (!this.#stopping) void this.start().then(resolve, reject)
            else resolve()
          },
          code === null ? 50 : 500,
        )
        if (this.deaths > 200) reject(new Error(`${this.name} dies all the time: ${complaint}`))
      })
    })
    return this.#ready
  }

  ready(): Promise<void> {
    return this.#ready
  }

  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill('SIGCONT')
    child.kill('SIGTERM')
    const hard = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(hard)
  }
}
