/** One cluster on the loopback interface: brokers on `port` and the ports after it, then as many for controllers. */
export interface KafkaCluster {
  readonly id: string
  readonly port: number
  readonly nodes: number
  /** The id of each node's data directory. */
  readonly directories: readonly string[]
}

/**
 * The settings of one node. Three nodes copy everything three times, and acknowledge with two. Failures show within seconds:
 * a dead broker is fenced after 3, a consumer that died without leaving is dropped after 6.
 */
export function kafkaProperties(cluster: KafkaCluster, number: number, data: string): string {
  const { port, nodes } = cluster
  const copies = Math.min(nodes, 3)
  const enough = copies === 3 ? 2 : 1
  const broker = `127.0.0.1:${port + number - 1}`
  const controller = (n: number) => `127.0.0.1:${port + nodes + n - 1}`
  const listeners = `PLAINTEXT://${broker},CONTROLLER://${controller(number)}`
  const controllers = Array.from({ length: nodes }, (_, n) => controller(n + 1)).join(',')
  const internal = ['offsets.topic', 'transaction.state.log', 'share.coordinator.state.topic']
  return `process.roles=broker,controller
node.id=${number}
listeners=${listeners}
advertised.listeners=${listeners}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
controller.quorum.bootstrap.servers=${controllers}
log.dirs=${data}
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=${copies}
min.insync.replicas=${enough}
${internal.map((topic) => `${topic}.num.partitions=8\n${topic}.replication.factor=${copies}`).join('\n')}
transaction.state.log.min.isr=${enough}
share.coordinator.state.topic.min.isr=${enough}
group.initial.rebalance.delay.ms=0
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=200
group.consumer.heartbeat.interval.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=8388608
`
}
