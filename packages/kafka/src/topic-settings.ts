import { TailraceError } from 'tailrace/adapter'

/** What a topic must be like. */
export interface TopicWish {
  readonly topic: string
  readonly partitions: number
  readonly replicas: number
  readonly minInSyncReplicas: number
  readonly retentionMs: number
  readonly maxMessageBytes: number
  /** One copy of each message is enough. */
  readonly single: boolean
}

/** What a topic is like. */
export interface TopicFound {
  readonly partitions: number
  /** Of the partition that has the fewest. */
  readonly replicas: number
  readonly configs: ReadonlyMap<string, string | null>
}

/** Beside the body a record has headers, a key and framing. */
export const recordOverhead = 2_048

/** Retention below this makes every pause of a reader a gap. */
const shortestRetentionMs = 3_600_000

/** The settings of a topic that is made. */
export function topicConfigs(wish: TopicWish): { readonly name: string; readonly value: string }[] {
  return [
    { name: 'cleanup.policy', value: 'delete' },
    { name: 'min.insync.replicas', value: String(wish.minInSyncReplicas) },
    { name: 'retention.ms', value: String(wish.retentionMs) },
    { name: 'max.message.bytes', value: String(wish.maxMessageBytes + recordOverhead) },
    { name: 'unclean.leader.election.enable', value: 'false' },
  ]
}

/** How long a message is kept after its own time; undefined: for ever, or counted from its arrival. */
export function keptMs({ configs }: Pick<TopicFound, 'configs'>): number | undefined {
  const retention = Number(configs.get('retention.ms') ?? -1)
  if (retention < 0 || configs.get('message.timestamp.type') === 'LogAppendTime') return undefined
  return retention
}

/** What a batch has before its records. */
const batchHeader = 61

/**
 * As `BusLayout.maxSendBytes`. A send becomes one batch, which brokers take as one message: all of it together must be below
 * `max.message.bytes`, and within a segment.
 */
export function maxSendBytes(
  { configs }: Pick<TopicFound, 'configs'>,
  { maxMessageBytes }: Pick<TopicWish, 'maxMessageBytes'>,
): number {
  const message = Number(configs.get('max.message.bytes') ?? maxMessageBytes + recordOverhead)
  const segment = Number(configs.get('segment.bytes') ?? message)
  return Math.min(message, segment) - batchHeader
}

/** Throws `BUS_UNSUITABLE` with the first setting that would lose messages, or could not carry them. */
export function checkTopic(wish: TopicWish, found: TopicFound): void {
  const refuse = (expected: string, got: string, remedy: string): never => {
    throw new TailraceError(
      'BUS_UNSUITABLE',
      `expected ${expected} of topic "${wish.topic}", got ${got}; ${remedy}`,
    )
  }
  const number = (name: string): number | undefined => {
    const value = found.configs.get(name)
    return value === undefined || value === null ? undefined : Number(value)
  }
  const policy = found.configs.get('cleanup.policy') ?? 'delete'
  if (policy !== 'delete')
    refuse('cleanup.policy delete', policy, 'compaction removes events: use another topic')
  if (found.partitions > 256)
    refuse('at most 256 partitions', String(found.partitions), 'there are no more slots than that')
  const retention = number('retention.ms') ?? -1
  if (retention >= 0 && retention < shortestRetentionMs)
    refuse(
      `retention.ms of ${shortestRetentionMs} or more`,
      String(retention),
      'readers that pause would miss events: raise it',
    )
  const largest = number('max.message.bytes') ?? Number.POSITIVE_INFINITY
  if (largest < wish.maxMessageBytes)
    refuse(
      `max.message.bytes of ${wish.maxMessageBytes + recordOverhead}`,
      String(largest),
      'raise it, or lower maxMessageBytes',
    )
  if (wish.single) return
  if (found.configs.get('unclean.leader.election.enable') === 'true')
    refuse('unclean.leader.election.enable false', 'true', 'a stale replica would lose messages')
  if (found.replicas < 3)
    refuse(
      'a replication factor of 3',
      String(found.replicas),
      `one broker's disk would hold the only copy; add replicas, or say durability: 'single' where that is acceptable`,
    )
  const inSync = number('min.insync.replicas') ?? 1
  if (inSync < 2)
    refuse(
      'min.insync.replicas of 2 or more',
      String(inSync),
      'one broker alone would confirm messages; raise it',
    )
  if (inSync >= found.replicas)
    refuse(
      `min.insync.replicas below the replication factor ${found.replicas}`,
      String(inSync),
      'no broker could be down without stopping the relay; lower it',
    )
}
