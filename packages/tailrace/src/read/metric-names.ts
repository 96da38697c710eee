/** Every metric by its name on the wire: the one place that knows them. */
export const metricNames = {
  cqrs_log_head_position: { type: 'gauge', help: 'Last sequenced position of the log.' },
  cqrs_outbox_oldest_seconds: {
    type: 'gauge',
    help: 'Age of the oldest committed event without a position; 0 when there is none.',
  },
  cqrs_outbox_events: { type: 'gauge', help: 'Committed events without a position.' },
  cqrs_oldest_transaction_seconds: {
    type: 'gauge',
    help: 'Age of the oldest open transaction of the write database, once it is worth an alarm; 0 before.',
  },
  cqrs_log_reachable: { type: 'gauge', help: 'Whether the log answered the last look: 1 or 0.' },
  cqrs_relay_active: {
    type: 'gauge',
    help: 'Whether the relay of this process has the place of the one that publishes: 1 or 0.',
  },
  cqrs_relay_position: { type: 'gauge', help: 'Position up to which everything is on the bus.' },
  cqrs_relay_backlog_events: { type: 'gauge', help: 'Events of the log that are not on the bus.' },
  cqrs_relay_lag_seconds: {
    type: 'gauge',
    help: 'Age of the oldest event that was read for the bus and is not on it.',
  },
  cqrs_relay_published_total: { type: 'counter', help: 'Messages that the broker confirmed.' },
  cqrs_relay_failures_total: {
    type: 'counter',
    help: 'Failures after which the broker was asked anew.',
  },
  cqrs_bus_connected: {
    type: 'gauge',
    help: 'Whether the workers of this process read the bus: 1 or 0.',
  },
  cqrs_bus_messages_total: { type: 'counter', help: 'Messages that came from the bus, by result.' },
  cqrs_bus_gaps_healed_total: {
    type: 'counter',
    help: 'Times that the log gave what the bus should have brought, by what gave it away.',
  },
  cqrs_bus_log_reads_total: {
    type: 'counter',
    help: 'Reads of the log by workers that have a bus.',
  },
  cqrs_commands_total: {
    type: 'counter',
    help: 'Commands that were answered, by name and result; failed are those of ours, refused those before or beside the rules.',
  },
  cqrs_command_duration_seconds: {
    type: 'histogram',
    help: 'Time from the receipt of a command to its answer, by name.',
  },
  cqrs_queries_total: {
    type: 'counter',
    help: 'Queries that were run, by name and result; answers that are reused for some milliseconds are not counted again.',
  },
  cqrs_projection_lag_seconds: {
    type: 'gauge',
    help: 'Age of the oldest committed event that queries cannot see yet.',
  },
  cqrs_projection_lag_events: {
    type: 'gauge',
    help: 'Committed events that queries cannot see yet.',
  },
  cqrs_projection_lag_part_seconds: {
    type: 'gauge',
    help: 'Age of the oldest event waiting at a stage: sequenced, applied, visible.',
  },
  cqrs_projection_position: { type: 'gauge', help: 'Position up to which queries see everything.' },
  cqrs_projection_status: { type: 'gauge', help: 'One-hot state of the projection.' },
  cqrs_projection_slo_seconds: {
    type: 'gauge',
    help: 'Lag that the projection promises to stay under.',
  },
  cqrs_dead_letters: { type: 'gauge', help: 'Keys parked because an event could not be applied.' },
  cqrs_projection_events_total: {
    type: 'counter',
    help: 'Events applied by workers of this process.',
  },
  cqrs_commit_to_visible_seconds: {
    type: 'histogram',
    help: 'Time from the recording of an event until queries see it, per event applied by this process; of stores that show later, until a look found it.',
  },
  cqrs_reactor_lag_seconds: {
    type: 'gauge',
    help: 'Age of the oldest event that the reactor has not passed.',
  },
  cqrs_reactor_lag_events: { type: 'gauge', help: 'Events that the reactor has not passed.' },
  cqrs_reactor_position: {
    type: 'gauge',
    help: 'Position up to which the reactor has handled or given up everything.',
  },
  cqrs_reactor_status: { type: 'gauge', help: 'One-hot state of the reactor.' },
  cqrs_reactor_given_up: {
    type: 'gauge',
    help: 'Events that the reactor gave up and that nobody has asked for again.',
  },
  cqrs_reactor_repeating: {
    type: 'gauge',
    help: 'Events that the reactor gave up and that are to be repeated.',
  },
  cqrs_reactor_events_total: {
    type: 'counter',
    help: 'Events handled by reactors of this process, by result: done, or failed for the last time.',
  },
  cqrs_timers_due: { type: 'gauge', help: 'Timers whose time has come.' },
  cqrs_timers_overdue: { type: 'gauge', help: 'Timers whose time has come a minute ago.' },
  cqrs_timers_failed: { type: 'gauge', help: 'Due timers whose command has failed.' },
  cqrs_timers_oldest_due_seconds: {
    type: 'gauge',
    help: 'Since the time of the oldest timer that is due; 0 when none is.',
  },
  cqrs_timers_issued_total: {
    type: 'counter',
    help: 'Timers whose command this process has sent to its end.',
  },
  cqrs_timer_failures_total: {
    type: 'counter',
    help: 'Timers that this process could not issue; each comes again.',
  },
  cqrs_query_staleness_seconds: { type: 'histogram', help: 'Lag of the answers that callers got.' },
  cqrs_consistency_wait_seconds: {
    type: 'histogram',
    help: 'Time that queries waited for freshness, by outcome.',
  },
  cqrs_consistency_waiters: { type: 'gauge', help: 'Queries that wait for freshness now.' },
} as const satisfies Readonly<
  Record<string, { readonly type: 'gauge' | 'counter' | 'histogram'; readonly help: string }>
>

export type MetricName = keyof typeof metricNames
