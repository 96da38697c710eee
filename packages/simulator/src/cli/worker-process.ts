import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ParentMessage, WorkerMessage } from './worker-messages.ts'

const workerFile = fileURLToPath(new URL('seed-worker.ts', import.meta.url))

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
      execArgv: ['--conditions=source', '--disable-warning=ExperimentalWarning'],
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
