import type { Metric } from '../read/metrics.ts'
import type { BusStatus } from '../run/engine.ts'
import type { LeaseStatus } from '../ports/leases.ts'
import type { BusSourceStatus } from './bus-tail.ts'
import { relayLease, type RelayStatus } from './relay.ts'

/** What a process knows of its bus. */
export interface BusReport {
  readonly name: string
  readonly relay: RelayStatus | undefined
  readonly source: BusSourceStatus | undefined
}

/** The bus in the status, with the log's head as it was last seen. */
export function busStatus(
  { name, relay, source }: BusReport,
  head: bigint,
  leases: readonly LeaseStatus[] = [],
): BusStatus {
  const publisher = publisherOf(leases.find((lease) => lease.projection === relayLease(name)))
  if (relay === undefined) return { name, publisher, ...(source === undefined ? {} : { source }) }
  const { state, position, lagMs, published, failures, lastError } = relay
  return {
    name,
    publisher,
    relay: {
      state,
      position: String(position),
      backlog: backlogOf(relay, head),
      lagMs: Math.round(lagMs),
      published,
      failures,
      ...(lastError === undefined ? {} : { lastError }),
    },
    ...(source === undefined ? {} : { source }),
  }
}

/** What every process sees of the one that publishes. */
function publisherOf(lease: LeaseStatus | undefined): BusStatus['publisher'] {
  if (lease?.owner === undefined || lease.remainingMs <= 0) return { state: 'unowned' }
  const { owner, trouble } = lease
  return {
    state: trouble?.failed === true ? 'failed' : 'active',
    owner,
    ...(trouble === undefined ? {} : { lastError: trouble.text }),
  }
}

export function busMetrics({ relay, source }: BusReport, head: bigint): Metric[] {
  return [
    ...(relay === undefined ? [] : relayMetrics(relay, head)),
    ...(source === undefined ? [] : sourceMetrics(source)),
  ]
}

function relayMetrics(relay: RelayStatus, head: bigint): Metric[] {
  const leads = relay.state === 'active' || relay.state === 'waiting'
  const labels = {}
  return [
    { name: 'cqrs_relay_active', labels, value: leads ? 1 : 0 },
    { name: 'cqrs_relay_position', labels, value: Number(relay.position) },
    { name: 'cqrs_relay_backlog_events', labels, value: backlogOf(relay, head) },
    { name: 'cqrs_relay_lag_seconds', labels, value: relay.lagMs / 1_000 },
    { name: 'cqrs_relay_published_total', labels, value: relay.published },
    { name: 'cqrs_relay_failures_total', labels, value: relay.failures },
  ]
}

function sourceMetrics(source: BusSourceStatus): Metric[] {
  return [
    { name: 'cqrs_bus_connected', labels: {}, value: source.connected ? 1 : 0 },
    ...Object.entries(source.messages).map(([result, value]): Metric => ({
      name: 'cqrs_bus_messages_total',
      labels: { result },
      value,
    })),
    ...Object.entries(source.gapsHealed).map(([reason, value]): Metric => ({
      name: 'cqrs_bus_gaps_healed_total',
      labels: { reason },
      value,
    })),
    { name: 'cqrs_bus_log_reads_total', labels: {}, value: source.logReads },
  ]
}

/** Only the relay that publishes knows how far the bus is. */
function backlogOf({ state, position }: RelayStatus, head: bigint): number {
  return (state === 'active' || state === 'waiting') && head > position
    ? Number(head - position)
    : 0
}
