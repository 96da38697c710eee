import {
  Admin,
  Consumer,
  Producer,
  stringSerializer,
  type ConnectionOptions,
} from '@platformatic/kafka'

export interface ConnectionSettings {
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly tls?: ConnectionOptions['tls']
  readonly sasl?: ConnectionOptions['sasl']
}

/** Keys and bodies are texts; headers are bytes already. */
export type LogProducer = Producer<string, string, Buffer, Buffer>

/** Nothing that a broker does not answer is waited for longer than this. */
const requestMs = 5_000

/** For metadata, topics and settings. Few attempts: whoever asks comes again. */
export function openAdmin(settings: ConnectionSettings): Admin {
  return new Admin({ ...baseOf(settings), retries: 2, retryDelay: 100, timeout: requestMs })
}

/**
 * Idempotent, which keeps the order of a partition through retries. `retries` must be 2 or more: with 0, 1 or none the client
 * retries for ever. `timeout` bounds how long a broker waits for its replicas, and so how long one attempt lasts.
 */
export function openProducer(settings: ConnectionSettings, retries: number): LogProducer {
  return new Producer({
    ...baseOf(settings),
    idempotent: true,
    acks: -1,
    retries: Math.max(2, retries),
    retryDelay: 200,
    timeout: 1_500,
    serializers: { key: stringSerializer, value: stringSerializer },
  })
}

/**
 * A reader of explicit offsets: it never joins a group, so its group id is only a formality. One request at a time, since
 * a second one to the same broker would break the first one's fetch session.
 */
export function openReader(settings: ConnectionSettings): Consumer {
  return new Consumer({
    ...baseOf(settings),
    groupId: `${settings.clientId}-reader`,
    autocommit: false,
    retries: 2,
    retryDelay: 100,
    timeout: requestMs,
  })
}

function baseOf({ brokers, clientId, tls, sasl }: ConnectionSettings) {
  return {
    clientId,
    bootstrapBrokers: [...brokers],
    // Options are checked only then.
    strict: true,
    connectTimeout: requestMs,
    requestTimeout: requestMs,
    ...(tls === undefined ? {} : { tls }),
    ...(sasl === undefined ? {} : { sasl }),
  }
}
