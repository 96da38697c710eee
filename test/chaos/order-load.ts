import { createHash } from 'node:crypto'
import type { KeptProcess } from './kept-process.ts'

/** What the system has answered for certain: after the chaos it must all be there. */
export interface Acknowledged {
  readonly commandId: string
  readonly orderId: string
  readonly version: number
}

export interface Load {
  readonly acknowledged: readonly Acknowledged[]
  /** Answers that were not 200: code → how many. They are repeated with the same key until they are. */
  readonly troubles: ReadonlyMap<string, number>
  stop(): Promise<void>
}

interface Step {
  readonly command: string
  readonly input: object
}

const offer = { sku: 'LMP-1001', currency: 'EUR' }

/** Callers that each place and pay order after order through HTTP, repeating every unclear outcome with the same key. */
export function startLoad(api: KeptProcess, seed: number, callers: number): Load {
  const acknowledged: Acknowledged[] = []
  const troubles = new Map<string, number>()
  let stopping = false
  const uuid = (name: string): string => {
    const hex = createHash('sha256').update(`${seed} ${name}`).digest('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
  }

  async function untilAnswered({ command, input }: Step, key: string): Promise<void> {
    for (let attempt = 0; attempt < 600; attempt++) {
      const outcome = await attemptOnce(api.url, command, input, key)
      if (typeof outcome !== 'string') {
        acknowledged.push(outcome)
        return
      }
      troubles.set(outcome, (troubles.get(outcome) ?? 0) + 1)
      await pause(100)
    }
    throw new Error(`${command} ${key} was not answered in a minute of repeating`)
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
      await untilAnswered({ command: 'placeOrder', input: place }, `place-${name}-${seed}`)
      await untilAnswered({ command: 'registerPayment', input: pay }, `pay-${name}-${seed}`)
    }
  }

  const running = Promise.all(Array.from({ length: callers }, (_, number) => caller(number)))
  return {
    acknowledged,
    troubles,
    stop: async () => {
      stopping = true
      await running
    },
  }
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
      return { commandId: body.commandId, orderId: body.aggregateId, version: body.version }
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
export async function grown(list: readonly unknown[], by: number): Promise<void> {
  const wanted = list.length + by
  for (const deadline = performance.now() + 90_000; list.length < wanted;) {
    if (performance.now() > deadline)
      throw new Error(`only ${list.length} of ${wanted} commands were acknowledged in time`)
    await pause(20)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
