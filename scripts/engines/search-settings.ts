import { join } from 'node:path'

/** What a single search node on the loopback interface is told. A full disk does not make it refuse writes. */
export function searchSettings(folder: string, port: number, more: readonly string[] = []): string {
  return `${[
    'cluster.name: engine',
    'node.name: node-1',
    `path.data: ${join(folder, 'data')}`,
    `path.logs: ${join(folder, 'logs')}`,
    `path.repo: ${join(folder, 'snapshots')}`,
    'network.host: 127.0.0.1',
    `http.port: ${port}`,
    'transport.port: 0',
    'discovery.type: single-node',
    'cluster.routing.allocation.disk.threshold_enabled: false',
    ...more,
  ].join('\n')}\n`
}
