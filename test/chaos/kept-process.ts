import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

/** What a process runs, in the checkout that this file is in. */
export const ownScript = new URL('orders-process.ts', import.meta.url).pathname
const readyMs = 120_000
const stopMs = 10_000
const deathsMax = 1_000

type Env = Readonly<Record<string, string>>

/** A process of the order system that is started again when it dies, until it is told to stop. */
export class KeptProcess {
  readonly name: string
  readonly #settings: object
  /** On top of this process's environment. */
  #env: Env
  #script = ownScript
  #child: ChildProcess | undefined
  #url = ''
  #stopping = false
  #ready: Promise<void> = Promise.resolve()
  #lastWords = ''
  deaths = 0
  /** Times that it ended by itself after it was up: nobody told it to, and nobody killed it. */
  readonly crashes: string[] = []

  constructor(name: string, settings: object, env: Env = {}) {
    this.name = name
    this.#settings = settings
    this.#env = env
  }

  /** Where it listens now; another place after each start. */
  get url(): string {
    return this.#url
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** The file that it runs. */
  get script(): string {
    return this.#script
  }

  /** The end of what it and those before it wrote to standard error. */
  get lastWords(): string {
    return this.#lastWords
  }

  /** Resolves when it is up. */
  start(): Promise<void> {
    const child = spawn(
      process.execPath,
      ['--conditions=source', this.#script, JSON.stringify(this.#settings)],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...this.#env } },
    )
    this.#child = child
    child.stderr!.on(
      'data',
      (text: Buffer) => (this.#lastWords = (this.#lastWords + text.toString()).slice(-4_000)),
    )
    return this.#becomes(this.#up(child))
  }

  /** Resolves when it is up, also when it has just died. */
  ready(): Promise<void> {
    return this.#ready
  }

  /** Ends it with this signal and starts it with these on top of its variables, or from another file; resolves when it is up again. */
  async relaunch(
    env: Env,
    signal: 'SIGTERM' | 'SIGKILL',
    script: string = this.#script,
  ): Promise<void> {
    this.#env = { ...this.#env, ...env }
    this.#script = script
    await this.#end(signal)
    await this.#ready
  }

  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#child?.kill('SIGCONT')
    await this.#end('SIGTERM')
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    // The listener that starts it again is older, so that start is under way when this resolves.
    const ended = once(child, 'exit')
    child.kill(signal)
    const hard = setTimeout(() => child.kill('SIGKILL'), stopMs)
    await ended
    clearTimeout(hard)
  }

  #becomes(ready: Promise<void>): Promise<void> {
    this.#ready = ready
    // Who waits is told; nobody may wait.
    ready.catch(() => undefined)
    return ready
  }

  /** Resolves when it, or one that was started after its death, is up. */
  #up(child: ChildProcess): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(
        () =>
          reject(new Error(`${this.name} was not ready within ${readyMs} ms: ${this.#lastWords}`)),
        readyMs,
      )
      let up = false
      createInterface({ input: child.stdout! }).on('line', (line) => {
        if (!line.startsWith('ready ')) return
        up = true
        this.#url = line.slice(6)
        clearTimeout(late)
        resolve()
      })
      child.on('exit', (code) => {
        clearTimeout(late)
        if (this.#stopping) return resolve()
        if (up && code !== null && code !== 0) this.crashes.push(`${code}: ${this.#lastWords}`)
        // Asked to stop for a start with other settings, or killed: no reason to wait.
        this.#becomes(this.#again(code === null || code === 0 ? 50 : 500)).then(resolve, reject)
      })
    })
  }

  /** A server that is just recovering refuses a process that starts: it tries again, as a supervisor would. */
  async #again(afterMs: number): Promise<void> {
    if (++this.deaths > deathsMax)
      throw new Error(`${this.name} dies all the time: ${this.#lastWords}`)
    await pause(afterMs)
    if (!this.#stopping) await this.start()
  }
}
