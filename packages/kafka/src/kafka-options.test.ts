import { expect, test } from 'vitest'
import { refuses } from '../../conformance/src/suite.ts'
import { kafka, type KafkaOptions } from './kafka.ts'
import { checkTopic, maxSendBytes, type TopicFound, type TopicWish } from './topic-settings.ts'

test.for<[Partial<KafkaOptions>, string]>([
  [{ brokers: [] }, 'brokers as "host:port"'],
  [{ brokers: ['localhost'] }, 'brokers as "host:port"'],
  [{ topic: 'a topic' }, 'a topic of letters'],
  [{ partitions: 0 }, '1 to 256 partitions'],
  [{ partitions: 257 }, '1 to 256 partitions'],
  [{ retentionMs: 1_000 }, 'retentionMs of an hour'],
  // With fewer, the client retries for ever.
  [{ retries: 1 }, '2 retries or more'],
  [{ maxMessageBytes: 10 }, 'maxMessageBytes of 10000'],
])('%j is refused', async ([options, text]) => {
  const make = Promise.resolve().then(() => kafka({ brokers: ['b:1'], topic: 't', ...options }))
  expect((await refuses(make, 'CONFIG')).message).toContain(text)
})

const wish: TopicWish = {
  topic: 'orders',
  partitions: 8,
  replicas: 3,
  minInSyncReplicas: 2,
  retentionMs: 604_800_000,
  maxMessageBytes: 1_000_000,
  single: false,
}

function found(
  configs: Readonly<Record<string, string>>,
  replicas = 3,
  partitions = 8,
): TopicFound {
  const all = { 'min.insync.replicas': '2', 'max.message.bytes': '1048588', ...configs }
  return { partitions, replicas, configs: new Map(Object.entries(all)) }
}

test('a topic with three copies, two of which confirm, is accepted', () => {
  checkTopic(wish, found({}))
  checkTopic(wish, found({ 'retention.ms': '-1' }))
  checkTopic({ ...wish, single: true }, found({ 'min.insync.replicas': '1' }, 1))
})

test('a send is bounded by what the topic takes as one batch, which lies within one segment', () => {
  expect(maxSendBytes(found({ 'max.message.bytes': '500000' }), wish)).toBe(500_000 - 61)
  expect(maxSendBytes(found({ 'segment.bytes': '1073741824' }), wish)).toBe(1_048_588 - 61)
  expect(maxSendBytes(found({ 'segment.bytes': '1000001' }), wish)).toBe(1_000_001 - 61)
  expect(maxSendBytes({ configs: new Map() }, wish)).toBe(1_002_048 - 61)
})

test.for<[TopicFound, string]>([
  [found({}, 2), 'replication factor of 3'],
  [found({ 'min.insync.replicas': '1' }), 'min.insync.replicas of 2'],
  [found({ 'min.insync.replicas': '3' }), 'below the replication factor'],
  [found({ 'unclean.leader.election.enable': 'true' }), 'unclean.leader.election.enable false'],
  [found({}, 3, 300), 'at most 256 partitions'],
])('settings that lose messages or stop the relay are refused', async ([topic, text]) => {
  const check = Promise.resolve().then(() => checkTopic(wish, topic))
  expect((await refuses(check, 'BUS_UNSUITABLE')).message).toContain(text)
})
