import { setTimeout as pause } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'
import { append } from './event-log.ts'

export interface LogWriters {
  /** Uniform in [0, 1): what each writer does next. When it does it is up to the machine. */
  readonly random: () => number
  readonly writers: number
  readonly streams: number
  /** How long transactions are begun. */
  readonly forMs: number
}

/**
 * Writes events of streams with versions, the way commands do: lock the stream's row, count its version up, append. At
 * random: pauses anywhere, another write before the lock (which takes a transaction id early), several events, rollback.
 * Beside them, an unrelated transaction that has written is open at every moment.
 */
export async function writeEvents(pool: Pool, options: LogWriters): Promise<void> {
  await pool.query(`
    drop table if exists stress_stream, stress_other;
    create table stress_stream (id int primary key, version int not null);
    create table stress_other (n int);
    insert into stress_stream select n, 0 from generate_series(1, ${options.streams}) n`)
  const until = performance.now() + options.forMs
  const lives = Array.from({ length: options.writers }, () =>
    onClient(pool, (client) => write(client, options, until)),
  )
  await Promise.all([...lives, onClient(pool, (client) => holdOpen(client, until))])
}

async function onClient(pool: Pool, body: (client: PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect()
  try {
    await body(client)
    client.release()
  } catch (error) {
    client.release(true)
    throw error
  }
}

async function write(
  client: PoolClient,
  { random, streams }: LogWriters,
  until: number,
): Promise<void> {
  const mayPause = async (chance: number): Promise<void> => {
    if (random() < chance) await pause(random() * 6)
  }
  while (performance.now() < until) {
    const stream = 1 + Math.floor(random() * streams)
    const events = random() < 0.8 ? 1 : 1 + Math.floor(random() * 4)
    await client.query('begin')
    if (random() < 0.5) await client.query('insert into stress_other values (1)')
    await mayPause(0.3)
    for (let n = 0; n < events; n++) {
      const { rows } = await client.query(
        'update stress_stream set version = version + 1 where id = $1 returning version',
        [stream],
      )
      await append(client, { stream: String(stream), version: rows[0].version as number })
      await mayPause(0.2)
    }
    await mayPause(0.3)
    await client.query(random() < 0.05 ? 'rollback' : 'commit')
    await mayPause(0.5)
  }
}

async function holdOpen(client: PoolClient, until: number): Promise<void> {
  while (performance.now() < until) {
    await client.query('begin')
    await client.query('insert into stress_other values (2)')
    await pause(Math.min(1_000, Math.max(0, until - performance.now())))
    await client.query('commit')
  }
}
