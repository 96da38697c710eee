import type { KafkaRecord, MessageToProduce, RecordsBatch } from '@platformatic/kafka'
import type { BusDelivery, BusMessage } from 'tailrace/adapter'

/**
 * The id of the topic that a message was sent to. A producer does not notice when its topic is made anew, and writes on
 * into the new one: by this header, such messages are told apart.
 */
export const topicIdHeader = 'topicid'

export type ProducedMessage = MessageToProduce<string, string, Buffer, Buffer>

/** Makes messages as the client takes them: what repeats from one to the next is made into bytes once. */
export class WireMessages {
  readonly #topic: string
  readonly #names = new Map<string, { readonly name: Buffer; text: string; bytes: Buffer }>()

  constructor(topic: string) {
    this.#topic = topic
  }

  toProduce(message: BusMessage, topicId: string, partition: number): ProducedMessage {
    const headers = new Map<Buffer, Buffer>()
    for (const name in message.headers) this.#put(headers, name, message.headers[name]!)
    this.#put(headers, topicIdHeader, topicId)
    return {
      topic: this.#topic,
      partition,
      key: message.key,
      value: message.body,
      headers,
      timestamp: BigInt(message.atMs),
    }
  }

  #put(headers: Map<Buffer, Buffer>, name: string, text: string): void {
    let known = this.#names.get(name)
    if (known === undefined) {
      known = { name: Buffer.from(name), text, bytes: Buffer.from(text) }
      this.#names.set(name, known)
    } else if (known.text !== text) {
      known.text = text
      known.bytes = Buffer.from(text)
    }
    headers.set(known.name, known.bytes)
  }
}

/** A record as it was read. */
export interface ReadRecord {
  readonly offset: bigint
  readonly delivery: BusDelivery
}

const isControl = 32

/** The records from an offset on. Brokers answer with whole batches, which may begin before it, and with their own markers. */
export function recordsFrom(batches: readonly RecordsBatch[], from: bigint): ReadRecord[] {
  const records: ReadRecord[] = []
  for (const batch of batches) {
    if ((batch.attributes & isControl) !== 0) continue
    for (const record of batch.records) {
      const offset = batch.firstOffset + BigInt(record.offsetDelta)
      if (offset >= from) records.push({ offset, delivery: deliveryOf(record) })
    }
  }
  return records
}

/** The offset after everything in these batches, markers included; `from` when there is nothing. */
export function offsetAfter(batches: readonly RecordsBatch[], from: bigint): bigint {
  const last = batches.at(-1)
  const after = last === undefined ? from : last.firstOffset + BigInt(last.lastOffsetDelta) + 1n
  return after > from ? after : from
}

const empty = new Uint8Array()

function deliveryOf({ headers, value }: KafkaRecord): BusDelivery {
  const texts = new Map<string, string>()
  for (const [name, text] of headers)
    if (name !== null && text !== null) texts.set(name.toString(), text.toString())
  return { headers: texts, body: value ?? empty }
}
