import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { closedLoop, quantile } from '../harness/closed-loop.ts'

/** One statement run by many clients, each with its own connection, as fast as the server answers: the ceiling of a write path. */
export interface StatementLoop {
  readonly url: string
  /** `:name` stands for a value of `values`, sent as text with each run. */
  readonly sql: string
  readonly values: Readonly<Record<string, string>>
  readonly clients: number
  readonly seconds: number
}

export interface StatementWindow {
  readonly operations: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

const found = spawnSync('pgbench', ['--version']).status === 0

/** What runs the statement on this machine, for the name of the ceiling. */
export const statementRunner = found ? 'pgbench -M prepared' : 'a loop of Node clients'

/** Said once where pgbench is missing. */
export const runnerAdvice = found
  ? undefined
  : 'pgbench is not on the PATH, so a loop of Node clients calls the same function instead, which is a lower ceiling; ' +
    'get pgbench with "apt-get install postgresql-contrib" (Debian, Ubuntu) or "brew install libpq"'

/** Runs the statement for a window and answers with its rate and latencies. */
export function runStatement(loop: StatementLoop): Promise<StatementWindow> {
  return found ? withPgbench(loop) : withClients(loop)
}

/** Latencies are logged for a share of the transactions, so that logging costs nothing that can be measured. */
const sampled = 0.1

async function withPgbench({
  url,
  sql,
  values,
  clients,
  seconds,
}: StatementLoop): Promise<StatementWindow> {
  const folder = mkdtempSync(join(tmpdir(), 'pgbench-'))
  try {
    writeFileSync(join(folder, 'statement.sql'), `${sql};\n`)
    const text = await output(
      'pgbench',
      [
        '-n',
        '-Mprepared',
        '-fstatement.sql',
        `-c${clients}`,
        '-j1',
        `-T${Math.ceil(seconds)}`,
        '-l',
        `--sampling-rate=${sampled}`,
        ...Object.entries(values).flatMap(([name, value]) => ['-D', `${name}=${value}`]),
        url,
      ],
      folder,
    )
    const operations = Number(
      /number of transactions actually processed: (\d+)/.exec(text)?.[1] ?? Number.NaN,
    )
    const perSecond = Number(/^tps = ([\d.]+)/m.exec(text)?.[1] ?? Number.NaN)
    if (!(operations > 0) || !(perSecond > 0))
      throw new Error(
        `expected transactions within ${seconds} s, got none; take longer windows with --seconds:\n${text}`,
      )
    const latencies = readLatencies(folder)
    return { operations, perSecond, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Milliseconds, sorted. A line is: client, transaction, microseconds, script, time. */
function readLatencies(folder: string): number[] {
  const files = readdirSync(folder).filter((name) => name.startsWith('pgbench_log.'))
  return files
    .flatMap((name) => readFileSync(join(folder, name), 'latin1').split('\n'))
    .filter((line) => line !== '')
    .map((line) => Number(line.split(' ')[2]) / 1_000)
    .toSorted((a, b) => a - b)
}

function output(program: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    let errors = ''
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4_000)))
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 && errors === ''
        ? resolve(text)
        : reject(
            new Error(
              `expected ${program} to succeed and say nothing on stderr, got exit code ${code}:\n${errors}`,
            ),
          ),
    )
  })
}

async function withClients({
  url,
  sql,
  values,
  clients,
  seconds,
}: StatementLoop): Promise<StatementWindow> {
  const names: string[] = []
  const text = sql.replaceAll(/(?<!:):([a-z]\w*)/g, (_, name: string) => {
    if (!names.includes(name)) names.push(name)
    return `$${names.indexOf(name) + 1}`
  })
  const given = names.map((name) => values[name])
  const connected = await Promise.all(
    Array.from({ length: clients }, async () => {
      const client = new Client({ connectionString: url })
      await client.connect()
      return client
    }),
  )
  try {
    const { operations, perSecond, latencies } = await closedLoop(clients, seconds, (caller) =>
      connected[caller]!.query({ name: 'ceiling', text, values: given }),
    )
    return { operations, perSecond, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
  } finally {
    await Promise.all(connected.map((client) => client.end()))
  }
}
