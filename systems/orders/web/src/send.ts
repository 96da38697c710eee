import type { Patch } from '@tailrace/client'
import { useCallback } from 'react'
import { client, type CommandInput, type CommandName } from './api.ts'
import { pendingEffects } from './pending-effects.ts'
import { problemText } from './problem-text.ts'

export type SendResult =
  | { readonly ok: true; readonly version: number }
  | { readonly ok: false; readonly code: string; readonly detail: unknown }

export type Send = <N extends CommandName>(
  name: N,
  input: CommandInput<N>,
  /** What the pages show meanwhile. Default: what can be told by the input. */
  optimistic?: readonly Patch[],
) => Promise<SendResult>

/** Sends commands with their effect shown at once. */
export function useSend(): Send {
  return useCallback(async (name, input, optimistic = pendingEffects(name, input)) => {
    const send = client().commands[name] as (
      input: unknown,
      options: { readonly optimistic: readonly Patch[] },
    ) => Promise<SendResult>
    return send(input, { optimistic })
  }, [])
}

const texts: Readonly<Record<string, string>> = {
  UNKNOWN_SKU: 'One of these products is not offered any more.',
  PRICE_CHANGED: 'A price has changed meanwhile. Look at the basket again.',
  CURRENCY_MISMATCH: 'The currency does not fit the order.',
  ORDER_EXISTS: 'This order exists already.',
  OVERPAID: 'That is more than is still to be paid.',
  NOT_PAID: 'The order has to be paid first.',
  QTY_EXCEEDS_OPEN: 'Less than that is still open.',
  ALREADY_SHIPPED: 'Nothing of this is open any more: it was shipped.',
  ALREADY_DELIVERED: 'The delivery was confirmed already.',
  ILLEGAL_TRANSITION: 'The order is past that.',
  VERSION_CONFLICT: 'Somebody changed the order meanwhile. Look at it again.',
}

/** Why a command was rejected, in words; undefined when it was not. */
export function rejectionText(result: SendResult): string | undefined {
  return result.ok
    ? undefined
    : (texts[result.code] ?? `Rejected: ${result.code.toLowerCase().replaceAll('_', ' ')}.`)
}

/** Why a command got no answer, and what to do: whether it was saved is not known, unless the server refused it. */
export function notSentText(error: Error, remedy: string): string {
  const { title, hint } = problemText(error)
  const { status } = error as { readonly status?: number }
  const refused = status !== undefined && status < 500 && status !== 429
  return refused ? `${title}. ${hint}` : `${title}. ${remedy}`
}
