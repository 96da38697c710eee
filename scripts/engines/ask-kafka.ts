import { connect } from 'node:net'

const answerMs = 3_000

/** Metadata request, version 2, of no topics: size, api 3, version 2, correlation id 7, no client id, no topics. */
const request = Buffer.from('0000000e0003000200000007ffff00000000', 'hex')

/**
 * The ids of the brokers that this one sees in its cluster: those that are registered and alive, itself among them.
 * Rejects when it does not answer.
 */
export function askKafka(port: number): Promise<number[]> {
  return new Promise((done, failed) => {
    const socket = connect({ port, host: '127.0.0.1' })
    let answer: Buffer = Buffer.alloc(0)
    socket.setTimeout(answerMs, () => socket.destroy(new Error('no answer')))
    socket.once('connect', () => socket.write(request))
    socket.on('data', (part: Buffer) => {
      answer = Buffer.concat([answer, part])
      if (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) return
      done(brokersIn(answer.subarray(4)))
      socket.destroy()
    })
    socket.once('error', failed)
    socket.once('close', () => failed(new Error('closed')))
  })
}

/** The answer: correlation id, then a list of (id, host, port, rack). */
function brokersIn(body: Buffer): number[] {
  const ids: number[] = []
  const count = body.readInt32BE(4)
  let at = 8
  for (let n = 0; n < count; n++) {
    ids.push(body.readInt32BE(at))
    at += 4
    at += 2 + body.readInt16BE(at) + 4
    at += 2 + Math.max(0, body.readInt16BE(at))
  }
  return ids
}
