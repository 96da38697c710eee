import { connect } from 'node:net'
import { askKafka } from './ask-kafka.ts'
import type { EngineNode, EngineState } from './engine-state.ts'

/**
 * Whether a node serves: asked of the engine itself, in its own protocol. False while it starts, is paused, or is gone;
 * never throws, and never takes longer than some seconds.
 */
export async function serves(state: EngineState, node: EngineNode): Promise<boolean> {
  try {
    switch (state.name) {
      case 'redis':
        return (await askRedis(node.port)).startsWith('+PONG')
      case 'clickhouse':
        return (await askHttp(node.port, '/?query=SELECT+40%2B2')).trim() === '42'
      case 'opensearch':
      case 'elasticsearch':
        // After a start it answers while primaries are still red.
        return /"status":"(yellow|green)"/.test(await askHttp(node.port, '/_cluster/health'))
      case 'kafka':
      case 'kafka3':
        return (await askKafka(node.port)).includes(node.number)
    }
  } catch {
    return false
  }
}

/** Whether the whole engine serves: each node does, and sees all others where there are others. */
export async function allServe(state: EngineState): Promise<boolean> {
  const answers = await Promise.all(
    state.nodes.map(async (node) => {
      if (state.nodes.length === 1) return serves(state, node)
      const brokers = await askKafka(node.port).catch(() => [])
      return brokers.length === state.nodes.length
    }),
  )
  return answers.every(Boolean)
}

const answerMs = 5_000

async function askHttp(port: number, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(answerMs),
  })
  const text = await response.text()
  return response.ok ? text : ''
}

function askRedis(port: number): Promise<string> {
  return new Promise((done, failed) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.setTimeout(answerMs, () => socket.destroy(new Error('no answer')))
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', (answer) => {
      done(answer.toString())
      socket.destroy()
    })
    socket.once('error', failed)
    socket.once('close', () => failed(new Error('closed')))
  })
}
