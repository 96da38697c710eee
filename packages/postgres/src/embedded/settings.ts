/** Values of PostgreSQL settings by name, such as `{ shared_buffers: '1GB' }`. */
export type Settings = Readonly<Record<string, string | number | boolean>>

/** What the embedded server runs with unless told otherwise. Everything that makes a commit durable is on. */
const defaults: Settings = {
  shared_buffers: '128MB',
  max_connections: 100,
  fsync: true,
  synchronous_commit: true,
  full_page_writes: true,
  wal_level: 'replica',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  // The programs come without the compiler that JIT needs.
  jit: false,
  random_page_cost: 1.1,
  timezone: 'UTC',
  log_timezone: 'UTC',
  datestyle: 'iso, mdy',
  log_line_prefix: '%m [%p] ',
  log_checkpoints: false,
  password_encryption: 'scram-sha-256',
  // The password is 192 random bits: stretching it would only cost every new connection time.
  scram_iterations: 1,
}

/** The text of postgresql.conf. It is written at every start, so nothing of an earlier start can linger. */
export function settingsFile(settings: Settings = {}): string {
  const lines = Object.entries({ ...defaults, ...settings }).map(
    ([name, value]) => `${name} = ${literal(value)}`,
  )
  return `# Written at every start of the embedded server. Change settings where the server is started, or with ALTER SYSTEM.\n${lines.join('\n')}\n`
}

function literal(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`
}
