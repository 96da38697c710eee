import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const script = new URL('served-orders.ts', import.meta.url).pathname
const readyMs = 120_000
const stopMs = 20_000

/** Where the fuzzed system keeps its data. */
export interface OrdersPlace {
  readonly writeUrl: string
  readonly readUrl: string
  readonly dataDir: string
}

type Said = { readonly url?: string; readonly blockedMs?: number }

/** The order system in a process of its own, and what becomes of that process. */
export class OrdersProcess {
  readonly place: OrdersPlace
  #run: Run
  #stopping = false

  private constructor(place: OrdersPlace, run: Run) {
    this.place = place
    this.#run = run
  }

  /** Starts it on two empty databases, with a folder of its own. */
  static async start(writeUrl: string, readUrl: string): Promise<OrdersProcess> {
    const place = { writeUrl, readUrl, dataDir: mkdtempSync(join(tmpdir(), 'tailrace-fuzz-')) }
    return new OrdersProcess(place, await launch(place))
  }

  /** Another place after a restart. */
  get url(): string {
    return this.#run.url
  }

  /** Ends the process in order, and starts another one on what it left. */
  async restart(): Promise<void> {
    await this.#end()
    this.#run = await launch(this.place)
  }

  /** Why it is not there any more; undefined while it is. */
  get death(): string | undefined {
    const { exitCode, signalCode } = this.#run.child
    if (exitCode === null && signalCode === null) return undefined
    return `the process ended with ${signalCode ?? exitCode}: ${this.#run.errors().slice(-2_000)}`
  }

  /** What it has written to stderr since the start, as far as it is kept. */
  get errors(): string {
    return this.#run.errors()
  }

  /** The longest block of its event loop since the last call, in milliseconds. */
  async blockedMs(): Promise<number> {
    this.#run.child.send('delay')
    return (await next(this.#run.child, readyMs)).blockedMs!
  }

  async stop(): Promise<void> {
    if (this.#stopping) return
    this.#stopping = true
    await this.#end()
    rmSync(this.place.dataDir, { recursive: true, force: true })
  }

  async #end(): Promise<void> {
    if (this.death !== undefined) return
    const { child } = this.#run
    const ended = new Promise((resolve) => child.once('exit', resolve))
    const late = setTimeout(() => child.kill('SIGKILL'), stopMs)
    child.send('stop')
    await ended
    clearTimeout(late)
  }
}

function next(child: ChildProcess, withinMs: number): Promise<Said> {
  return new Promise((resolve, reject) => {
    const settle = (settled: () => void): void => {
      clearTimeout(late)
      child.off('message', onMessage)
      child.off('exit', onExit)
      settled()
    }
    const onMessage = (said: unknown): void => settle(() => resolve(said as Said))
    const onExit = (): void => settle(() => reject(new Error('the process ended')))
    const late = setTimeout(
      () => settle(() => reject(new Error(`no answer in ${withinMs} ms`))),
      withinMs,
    )
    child.on('message', onMessage)
    child.on('exit', onExit)
  })
}

/** One life of the process. */
interface Run {
  readonly url: string
  readonly child: ChildProcess
  readonly errors: () => string
}

async function launch(place: OrdersPlace): Promise<Run> {
  const child = fork(script, [JSON.stringify(place)], {
    execArgv: ['--conditions=source'],
    // Ctrl-C in a terminal is for the one who asks: the answers so far are looked at.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let errors = ''
  child.stderr!.on('data', (text: Buffer) => (errors = (errors + text.toString()).slice(-20_000)))
  const { url } = await next(child, readyMs).catch((error: Error) => {
    child.kill('SIGKILL')
    throw new Error(`${error.message}: ${errors}`)
  })
  return { url: url!, child, errors: () => errors }
}
