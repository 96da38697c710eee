import { createHash } from 'node:crypto'
import { canonicalText } from '../../packages/simulator/src/checker/canonical-text.ts'
import type {
  CommandOperation,
  CommandResult,
  Operation,
  QueryOperation,
} from '../../packages/simulator/src/checker/history.ts'
import { readBackOwn } from './own-writes.ts'

/** What the system has answered for certain: after the chaos it must all be there. */
export interface Acknowledged {
  readonly commandId: string
  readonly orderId: string
  readonly version: number
  /** Of the answer. */
  readonly token: string
}

/** Where commands go now: another place after a restart, or each time another process. */
export interface Reachable {
  readonly url: string
}

export interface LoadOptions {
  /** Of each caller, before each command. Default: none. */
  readonly pauseMs?: number
  /** Whether callers ask for what they wrote. Default: no. */
  readonly reads?: boolean
}

export interface Load {
  readonly acknowledged: readonly Acknowledged[]
  /** Answers that were not 200: code → how many. They are repeated with the same key until they are. */
  readonly troubles: ReadonlyMap<string, number>
  /** What callers were told after they wrote: `fresh`, `stale`, `refused`, `no answer` → how many. */
  readonly reads: ReadonlyMap<string, number>
  /** Everything that callers did and were told, in the order in which they began. */
  readonly operations: readonly Operation[]
  stop(): Promise<void>
}

interface Step {
  readonly command: string
  readonly input: object
  readonly key: string
}

const offer = { sku: 'LMP-1001', currency: 'EUR' }

/** Callers that each place and pay order after order through HTTP, repeating every unclear outcome with the same key. */
export function startLoad(
  api: Reachable,
  seed: number,
  callers: number,
  options: LoadOptions = {},
): Load {
  const acknowledged: Acknowledged[] = []
  const troubles = new Map<string, number>()
  const reads = new Map<string, number>()
  const operations: Operation[] = []
  let stopping = false
  const uuid = (name: string): string => {
    const hex = createHash('sha256').update(`${seed} ${name}`).digest('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
  }

  async function untilAnswered(session: string, step: Step): Promise<void> {
    const { command, input, key } = step
    if (options.pauseMs !== undefined) await pause(options.pauseMs)
    for (let attempt = 0; attempt < 600; attempt++) {
      const operation = begun(session, step)
      operations.push(operation)
      const outcome = await attemptOnce(api.url, command, input, key)
      operation.endedAt = performance.now()
      operation.outcome = resultOf(outcome)
      if (typeof outcome !== 'string') {
        acknowledged.push(outcome)
        if (options.reads === true) await readOwn(session, outcome)
        return
      }
      count(troubles, outcome)
      await pause(100)
    }
    throw new Error(`${command} ${key} was not answered in a minute of repeating`)
  }

  async function readOwn(session: string, written: Acknowledged): Promise<void> {
    const operation = asked(session, written.orderId)
    operations.push(operation)
    const outcome = await readBackOwn(api.url, written)
    operation.endedAt = performance.now()
    operation.outcome = outcome
    const { kind } = outcome
    count(
      reads,
      kind === 'info' ? 'no answer' : kind !== 'answer' ? kind : outcome.stale ? 'stale' : 'fresh',
    )
  }

  async function caller(number: number): Promise<void> {
    for (let n = 0; !stopping; n++) {
      const name = `${number}/${n}`
      const orderId = uuid(`order ${name}`)
      const items = [
        { sku: offer.sku, quantity: 1 + (n % 3) },
        { sku: 'KIT-1054', quantity: 1 },
      ]
      const place = { orderId, customerId: `c-${number}`, currency: offer.currency, items }
      const pay = {
        orderId,
        paymentId: uuid(`payment ${name}`),
        method: 'card',
        amountMinor: 100,
        currency: offer.currency,
      }
      const session = `caller ${number}`
      const keys = { place: `place-${name}-${seed}`, pay: `pay-${name}-${seed}` }
      await untilAnswered(session, { command: 'placeOrder', input: place, key: keys.place })
      await untilAnswered(session, { command: 'registerPayment', input: pay, key: keys.pay })
    }
  }

  const running = Promise.all(Array.from({ length: callers }, (_, number) => caller(number)))
  // Told by `stop`.
  running.catch(() => undefined)
  return {
    acknowledged,
    troubles,
    reads,
    operations,
    stop: async () => {
      stopping = true
      await running
    },
  }
}

function begun(session: string, { command, input, key }: Step): CommandOperation {
  return {
    kind: 'command',
    session,
    invokedAt: performance.now(),
    endedAt: undefined,
    name: command,
    key,
    input: canonicalText(input),
    outcome: undefined,
  }
}

function asked(session: string, orderId: string): QueryOperation {
  return {
    kind: 'query',
    session,
    invokedAt: performance.now(),
    endedAt: undefined,
    query: 'orderStatus',
    projection: 'order-status',
    key: orderId,
    withTokens: true,
    strict: false,
    waitMs: 2_000,
    outcome: undefined,
  }
}

/** Codes of answers that leave open what has happened, or will. */
const open: ReadonlySet<string> = new Set(['no answer', 'COMMAND_OUTCOME_UNKNOWN', 'UNAVAILABLE'])

function resultOf(outcome: Acknowledged | string): CommandResult {
  if (typeof outcome !== 'string') {
    const { commandId, orderId, version, token } = outcome
    return { kind: 'ok', commandId, stream: orderId, version, token }
  }
  if (open.has(outcome)) return { kind: 'info', error: outcome }
  return { kind: 'refused', code: outcome, commandId: undefined }
}

/** The acknowledgement, or what stood in its way. */
async function attemptOnce(
  url: string,
  command: string,
  input: object,
  key: string,
): Promise<Acknowledged | string> {
  try {
    const response = await fetch(`${url}/commands/${command}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer demo:support:chaos',
        'idempotency-key': key,
      },
      body: JSON.stringify(input),
      signal: AbortSignal.timeout(10_000),
    })
    const body = (await response.json()) as {
      commandId: string
      aggregateId: string
      version: number
      code?: string
    }
    if (response.status === 200) {
      const token = response.headers.get('consistency-token') ?? ''
      return { commandId: body.commandId, orderId: body.aggregateId, version: body.version, token }
    }
    if (response.status < 500 && response.status !== 429 && body.code !== 'COMMAND_IN_PROGRESS') {
      throw new Error(
        `${command} with key ${key} was answered ${response.status} ${JSON.stringify(body)}`,
      )
    }
    return body.code ?? `HTTP ${response.status}`
  } catch (error) {
    if ((error as Error).message.includes('was answered')) throw error
    return 'no answer'
  }
}

/** Waits until so many more commands were acknowledged. Throws when nothing moves for too long. */
export async function grown(
  list: readonly unknown[],
  by: number,
  withinMs = 90_000,
): Promise<void> {
  const wanted = list.length + by
  for (const deadline = performance.now() + withinMs; list.length < wanted;) {
    if (performance.now() > deadline)
      throw new Error(`only ${list.length} of ${wanted} commands were acknowledged in time`)
    await pause(20)
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
