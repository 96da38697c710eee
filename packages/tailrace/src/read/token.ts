import { TailraceError } from '../errors.ts'
import type { LogIdentity } from '../ports/event-log.ts'

/**
 * A consistency token, decoded: proof of what its holder has seen or written. Opaque to clients on the wire.
 * `xid`: made inside the command's transaction, resolved to a position later. `position`: already resolved.
 */
export interface Token extends LogIdentity {
  readonly kind: 'xid' | 'position'
  readonly value: bigint
  /** The slots written; empty: all of them. Lets a query wait for these slots only. */
  readonly slots: readonly number[]
}

const version = '1'

/** Encodes a token: base64url of `1.<system id>.<epoch>.<x|p><value>.<slots>`. */
export function encodeToken(token: Token): string {
  const kind = token.kind === 'xid' ? 'x' : 'p'
  const text = [
    version,
    token.systemId,
    token.epoch,
    kind + token.value,
    token.slots.join('-'),
  ].join('.')
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Decodes a token. Throws `INVALID_TOKEN`. Does not judge whether it belongs to this log. */
export function decodeToken(text: string): Token {
  const parts = text.length <= 4096 && /^[\w-]+$/.test(text) ? textOf(text).split('.') : []
  const [v, systemId, epoch, place, slots] = parts
  const valid =
    parts.length === 5 &&
    v === version &&
    /^[0-9a-f]{16}$/.test(systemId!) &&
    /^\d{1,9}$/.test(epoch!) &&
    /^[xp]\d{1,19}$/.test(place!) &&
    /^(\d{1,3}(-\d{1,3})*)?$/.test(slots!)
  const list = valid && slots !== '' ? slots!.split('-').map(Number) : []
  if (!valid || list.some((slot) => slot > 255)) {
    throw new TailraceError(
      'INVALID_TOKEN',
      `expected a consistency token as a command answered it, got "${text.slice(0, 40)}"`,
    )
  }
  return {
    kind: place![0] === 'x' ? 'xid' : 'position',
    value: BigInt(place!.slice(1)),
    systemId: systemId!,
    epoch: Number(epoch),
    slots: list,
  }
}

function textOf(base64url: string): string {
  try {
    return atob(base64url.replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    return ''
  }
}
