import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

/** What a person chooses when starting the order system. */
export interface Settings {
  readonly port: number
  /** Everything that this machine keeps: server data, read stores, offers, audit. */
  readonly dataDir: string
  /** External servers; without one, an embedded server is started. */
  readonly writeUrl: string | undefined
  readonly readUrl: string | undefined
  /** Orders per minute of the traffic generator; undefined: no traffic. */
  readonly rate: number | undefined
  /** Of the traffic; undefined: another one at every start. */
  readonly seed: number | undefined
  /** A data set to import before the system is ready. */
  readonly importFolder: string | undefined
}

export const usage = `npm start [-- options]
  --rate <orders per minute>  live traffic (default 60)
  --no-traffic                no traffic and no made-up past
  --seed <number>             the same traffic again
  --import <folder>           import the online-retail set first
Environment: PORT (3000), TAILRACE_DATA (.tailrace/), WRITE_DATABASE_URL, READ_DATABASE_URL`

const options = {
  rate: { type: 'string' },
  'no-traffic': { type: 'boolean' },
  seed: { type: 'string' },
  import: { type: 'string' },
} as const

type Env = Readonly<Record<string, string | undefined>>

/** Reads arguments and environment. Throws an error that says what was expected. */
export function readSettings(args: readonly string[], env: Env): Settings {
  const { values } = parseArgs({ args: [...args], options, strict: true })
  const traffic = values['no-traffic'] !== true
  if (!traffic && values.rate !== undefined)
    throw new Error('expected --rate or --no-traffic, got both')
  const rate = numberOf('--rate', values.rate ?? '60', 0.1, 100_000)
  return {
    ...readPlaces(env),
    port: numberOf('PORT', env['PORT'] || '3000', 0, 65_535, true),
    rate: traffic ? rate : undefined,
    seed:
      values.seed === undefined ? undefined : numberOf('--seed', values.seed, 0, 2 ** 32 - 1, true),
    importFolder: values.import === undefined ? undefined : resolve(values.import),
  }
}

/** Where data and servers are: the part that every command of the system shares. */
export function readPlaces(env: Env): Pick<Settings, 'dataDir' | 'writeUrl' | 'readUrl'> {
  return {
    dataDir: resolve(env['TAILRACE_DATA'] || '.tailrace'),
    writeUrl: env['WRITE_DATABASE_URL'] || undefined,
    readUrl: env['READ_DATABASE_URL'] || undefined,
  }
}

function numberOf(name: string, text: string, min: number, max: number, whole = false): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isNaN(value) || value < min || value > max || (whole && !Number.isInteger(value))) {
    throw new Error(
      `expected ${name} to be a ${whole ? 'whole ' : ''}number from ${min} to ${max}, got "${text}"`,
    )
  }
  return value
}
