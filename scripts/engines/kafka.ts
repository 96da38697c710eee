import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheEntry } from './engine-cache.ts'
import type { EngineName } from './engine-names.ts'
import type { EngineRecipe, Installed } from './engine-recipe.ts'
import type { EngineNode } from './engine-state.ts'
import { newestJava } from './java-runtime.ts'
import { kafkaProperties, type KafkaCluster } from './kafka-properties.ts'
import { log4jSettings } from './log4j-settings.ts'
import { cachedJars } from './maven.ts'
import { runProgram } from './run-program.ts'

const version = '4.4.0'
const entry = `kafka-${version}`
const jarsSha256 = 'e3a7afbaf6a94e5bc0889c412a4acee7ad0588ea19b5e6d27ca136076163f74d'

const artifacts = [
  { at: `org.apache.kafka:kafka_2.13:${version}` },
  // The command line tools, the formatter of data folders among them; what they need is there already.
  { at: `org.apache.kafka:kafka-tools:${version}`, alone: true },
  { at: 'org.apache.logging.log4j:log4j-core:2.26.1' },
  // It logs through slf4j 1.7.
  { at: 'org.apache.logging.log4j:log4j-slf4j-impl:2.26.1' },
]

/** Apache Kafka, each node broker and controller in one process. */
function kafkaOf(name: EngineName, port: number, nodes: number): EngineRecipe {
  return {
    name,
    port,
    ports: nodes * 2,
    cached: () => existsSync(cacheEntry(entry)),
    async install(say) {
      const { home } = await newestJava(say)
      await cachedJars(entry, artifacts, jarsSha256, say)
      return { version, folder: home }
    },
    async configure(java, folder, first) {
      const cluster = await openCluster(java, folder, first, nodes)
      const brokers = Array.from({ length: nodes }, (_, n) => `127.0.0.1:${first + n}`)
      return {
        url: brokers.join(','),
        nodes: brokers.map((_, n) => nodeOf(java, folder, cluster, n + 1)),
      }
    },
  }
}

export const kafka = kafkaOf('kafka', 19_092, 1)
export const kafka3 = kafkaOf('kafka3', 19_192, 3)

function nodeOf(
  java: Installed,
  folder: string,
  cluster: KafkaCluster,
  number: number,
): EngineNode {
  const port = cluster.port + number - 1
  return {
    number,
    port,
    ports: [port, port + cluster.nodes],
    command: {
      program: join(java.folder, 'bin', 'java'),
      args: [
        ...jvmOptions(folder),
        '-Xmx384m',
        '-XX:+ExitOnOutOfMemoryError',
        'kafka.Kafka',
        propertiesFile(folder, number),
      ],
      cwd: folder,
      log: join(folder, `node-${number}.log`),
      env: { JAVA_TOOL_OPTIONS: null, _JAVA_OPTIONS: null },
    },
  }
}

function jvmOptions(folder: string): string[] {
  return [
    '-cp',
    `${cacheEntry(entry)}/*`,
    '-XX:+UseSerialGC',
    '-Djava.awt.headless=true',
    `-Dlog4j2.configurationFile=${join(folder, 'log4j2.properties')}`,
  ]
}

function propertiesFile(folder: string, number: number): string {
  return join(folder, `node-${number}.properties`)
}

/** The cluster of this folder; a new one gets ids, settings and formatted data folders. */
async function openCluster(
  java: Installed,
  folder: string,
  port: number,
  nodes: number,
): Promise<KafkaCluster> {
  writeFileSync(
    join(folder, 'log4j2.properties'),
    log4jSettings(['org.apache.kafka.common.config.AbstractConfig']),
  )
  const file = join(folder, 'cluster.json')
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as KafkaCluster
  const cluster: KafkaCluster = { id: uuid(), port, nodes, directories: idsFor(nodes) }
  await Promise.all(cluster.directories.map((_, n) => formatNode(java, folder, cluster, n + 1)))
  // Last: without this file the folder counts as new.
  writeFileSync(file, JSON.stringify(cluster))
  return cluster
}

async function formatNode(
  java: Installed,
  folder: string,
  cluster: KafkaCluster,
  number: number,
): Promise<void> {
  const data = join(folder, `node-${number}`)
  rmSync(data, { recursive: true, force: true })
  mkdirSync(data, { recursive: true })
  writeFileSync(propertiesFile(folder, number), kafkaProperties(cluster, number, data))
  const voters = cluster.directories
    .map((id, n) => `${n + 1}@127.0.0.1:${cluster.port + cluster.nodes + n}:${id}`)
    .join(',')
  await runProgram(join(java.folder, 'bin', 'java'), [
    ...jvmOptions(folder),
    '-XX:TieredStopAtLevel=1',
    'kafka.tools.StorageTool',
    'format',
    '-c',
    propertiesFile(folder, number),
    '-t',
    cluster.id,
    '--initial-controllers',
    voters,
  ])
}

function idsFor(nodes: number): string[] {
  return Array.from({ length: nodes }, uuid)
}

/** 128 bits as Kafka writes them: base64 for URLs, never beginning with a dash. */
function uuid(): string {
  for (;;) {
    const id = randomBytes(16).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}
