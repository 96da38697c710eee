import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ParentMessage, WorkerMessage } from './worker-messages.ts'

const workerFile = fileURLToPath(new URL('seed-worker.ts', import.meta.url))

// Worlds are short-lived, and there is a process per core: most of what they make dies young.
const seedFlags = [
  '--conditions=source',
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=64',
  '--single-threaded-gc',
  // Errors are part of every world; stacks are looked at only when one is repeated for people.
  '--stack-trace-limit=0',
]

/** A child process that runs seeds. */
export class WorkerProcess {
  readonly #child: ChildProcess
  #silence: NodeJS.Timeout | undefined

  /** `onEnd`: it is gone, for whatever reason. After `silentMs` without a word it is killed. */
  constructor(options: {
    readonly bug?: string | undefined
    readonly silentMs: number
    readonly onMessage: (message: WorkerMessage) => void
    readonly onEnd: (reason: string) => void
  }) {
    const { bug, silentMs, onMessage, onEnd } = options
    this.#child = fork(workerFile, bug === undefined ? [] : [bug], {
      execArgv: seedFlags,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let said = ''
    this.#child.stderr!.on(
      'data',
      (data: Buffer) => (said = (said + data.toString()).slice(-2_000)),
    )
    const listen = (): void => {
      clearTimeout(this.#silence)
      this.#silence = setTimeout(() => this.kill(), silentMs)
    }
    listen()
    this.#child.on('message', (message) => {
      listen()
      onMessage(message as WorkerMessage)
    })
    // What was sent to a process that has just died is an error of its own; its end follows.
    this.#child.on('error', () => undefined)
    this.#child.on('exit', (code, signal) => {
      clearTimeout(this.#silence)
      onEnd(`the process ended with ${signal ?? code}\n${said}`)
    })
  }

  send(message: ParentMessage): void {
    this.#child.send(message)
  }

  kill(): void {
    clearTimeout(this.#silence)
    this.#child.kill('SIGKILL')
  }
}
