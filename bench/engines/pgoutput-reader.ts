import { Client, type ClientConfig } from 'pg'

/** A committed event as the write-ahead log delivers it. */
export interface CapturedEvent {
  readonly commandId: string
  readonly data: unknown
}

/**
 * The shortest way from a commit to a program: logical replication of the event log with pgoutput, decoded by hand, the
 * payload parsed, events handed over at the commit message. The floor for every freshness figure.
 */
export async function readWithPgoutput(
  url: string,
  onCommit: (events: readonly CapturedEvent[]) => void,
): Promise<{ stop(): Promise<void> }> {
  // Slots are of the whole server.
  const slot = `floor_${new URL(url).pathname.slice(1)}`
  const control = new Client({ connectionString: url })
  control.on('error', () => undefined)
  await control.connect()
  await control.query(
    `create publication floor for table tailrace.event_log with (publish = 'insert', publish_via_partition_root = true)`,
  )
  await control.query(`select pg_create_logical_replication_slot('${slot}', 'pgoutput')`)
  const config: ClientConfig & { replication: 'database' } = {
    connectionString: url,
    replication: 'database',
  }
  const client = new Client(config)
  client.on('error', () => undefined)
  await client.connect()
  const { connection } = client as unknown as { connection: ReplicationConnection }
  const decoder = new PgoutputDecoder(onCommit)
  let stopped = false
  const started = new Promise<void>((resolve) => connection.once('replicationStart', resolve))
  const ended = client
    .query(
      `START_REPLICATION SLOT ${slot} LOGICAL 0/0 (proto_version '1', publication_names 'floor')`,
    )
    .catch((error: unknown) => {
      if (!stopped) throw error
    })
  connection.on('copyData', ({ chunk }) => {
    const reached = decoder.read(chunk)
    if (reached !== undefined) connection.sendCopyFromChunk(statusUpdate(reached))
  })
  await Promise.race([started, ended])
  return {
    async stop() {
      stopped = true
      await client.end()
      await ended
      await control.query(
        `select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '${slot}' and active`,
      )
      await dropSlot(control, slot)
      await control.query('drop publication floor')
      await control.end()
    },
  }
}

/** The part of `pg`'s connection that carries replication. */
interface ReplicationConnection {
  once(event: 'replicationStart', listener: () => void): void
  on(event: 'copyData', listener: (message: { readonly chunk: Buffer }) => void): void
  sendCopyFromChunk(chunk: Buffer): void
}

/** The slot stays active for a moment after its connection has gone. */
async function dropSlot(control: Client, slot: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await control.query(`select pg_drop_replication_slot('${slot}')`)
      return
    } catch (error) {
      if (attempt === 100) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

const column = { commandId: 'command_id', payload: 'payload' } as const

class PgoutputDecoder {
  readonly #onCommit: (events: readonly CapturedEvent[]) => void
  #columns: readonly string[] = []
  #events: CapturedEvent[] = []

  constructor(onCommit: (events: readonly CapturedEvent[]) => void) {
    this.#onCommit = onCommit
  }

  /** Reads one message. Answers with the position to confirm when the server asks for it. */
  read(message: Buffer): bigint | undefined {
    if (message[0] === letter.keepalive)
      return message[17] === 1 ? message.readBigUInt64BE(1) : undefined
    if (message[0] !== letter.data) return undefined
    const body = message.subarray(25)
    if (body[0] === letter.relation) this.#columns = columnsOf(body)
    else if (body[0] === letter.insert) this.#events.push(this.#inserted(body))
    else if (body[0] === letter.commit) {
      const events = this.#events
      this.#events = []
      if (events.length > 0) this.#onCommit(events)
    }
    return undefined
  }

  #inserted(body: Buffer): CapturedEvent {
    let at = 8
    let commandId = ''
    let data: unknown
    for (const name of this.#columns) {
      if (body[at++] !== letter.text) continue
      const length = body.readInt32BE(at)
      const start = at + 4
      at = start + length
      if (name === column.commandId) commandId = body.toString('latin1', start, at)
      else if (name === column.payload) data = JSON.parse(body.toString('utf8', start, at))
    }
    return { commandId, data }
  }
}

const letter = {
  keepalive: 0x6b,
  data: 0x77,
  relation: 0x52,
  insert: 0x49,
  commit: 0x43,
  text: 0x74,
} as const

function columnsOf(body: Buffer): string[] {
  let at = 5
  const text = (): string => {
    const end = body.indexOf(0, at)
    const value = body.toString('utf8', at, end)
    at = end + 1
    return value
  }
  text()
  text()
  at += 1
  const count = body.readInt16BE(at)
  at += 2
  return Array.from({ length: count }, () => {
    at += 1
    const name = text()
    at += 8
    return name
  })
}

/** Says that everything up to this position was received. */
function statusUpdate(position: bigint): Buffer {
  const message = Buffer.alloc(34)
  message[0] = 0x72
  for (const at of [1, 9, 17]) message.writeBigUInt64BE(position, at)
  return message
}
