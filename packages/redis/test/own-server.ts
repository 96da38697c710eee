import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@redis/client'
import { freePort } from '../../postgres/src/embedded/free-port.ts'
import { readState } from '../../../scripts/engines/engine-state.ts'

/** A server of one test file: with settings of its own, stopped, killed and frozen at will. */
export interface OwnServer {
  readonly url: string
  readonly port: number
  /** Starts it on the data that it has; resolves when it answers, also with an error. */
  start(...settings: readonly string[]): Promise<void>
  kill(): Promise<void>
  stop(): Promise<void>
  pause(): void
  resume(): void
  /** A connection of an administrator. */
  run(...command: readonly string[]): Promise<unknown>
  /** Stops it and removes its data. */
  remove(): Promise<void>
}

/** Keeps what it acknowledged over the end of its process. */
const durable = ['--appendonly', 'yes', '--save', '']

/** The program that `npm run engines -- up redis` set up, in a folder and on a port of its own. */
export async function ownServer(...settings: readonly string[]): Promise<OwnServer> {
  const found = readState('redis')?.nodes[0]?.command
  if (found === undefined)
    throw new Error('expected Redis to be set up; npm run engines -- up redis')
  const program = found.args.slice(0, found.args.indexOf('--port'))
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-redis-'))
  const port = await freePort()
  let child: ChildProcess | undefined
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill(signal)
    // A frozen process takes the signal when it goes on.
    child.kill('SIGCONT')
    await exit
  }
  const server: OwnServer = {
    url: `redis://127.0.0.1:${port}`,
    port,
    async start(...more) {
      await mkdir(folder, { recursive: true })
      const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder]
      child = spawn(found.program, [...program, ...own, ...durable, ...settings, ...more], {
        stdio: 'ignore',
      })
      await answers(port)
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    pause: () => void child!.kill('SIGSTOP'),
    resume: () => void child!.kill('SIGCONT'),
    run: (...command) => runOn(`redis://127.0.0.1:${port}`, command),
    async remove() {
      await end('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
  await server.start()
  return server
}

/** One command on a connection of its own. */
export async function runOn(url: string, command: readonly string[]): Promise<unknown> {
  const client = createClient({ url, RESP: 2, socket: { reconnectStrategy: false } })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await client.sendCommand([...command])
  } finally {
    client.destroy()
  }
}

async function answers(port: number): Promise<void> {
  const end = performance.now() + 30_000
  for (;;) {
    const answer = await runOn(`redis://127.0.0.1:${port}`, ['PING']).catch((error: Error) =>
      error.message.startsWith('NOAUTH') ? 'PONG' : error.message,
    )
    if (answer === 'PONG') return
    if (performance.now() > end)
      throw new Error(`expected an answer on port ${port}, got ${answer}`)
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
}
