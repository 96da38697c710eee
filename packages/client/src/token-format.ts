/** A consistency token as far as a client looks into it: enough to keep the highest, nothing more. */
export interface TokenParts {
  /** `<system id>.<epoch>`: tokens of different histories cannot be compared. */
  readonly history: string
  readonly kind: 'x' | 'p'
  readonly value: bigint
  /** Slots written; empty: all. */
  readonly slots: readonly number[]
}

/** Takes a token apart; undefined for a form that this client does not know, which it then carries as it is. */
export function parseToken(token: string): TokenParts | undefined {
  let text: string
  try {
    text = atob(token.replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    return undefined
  }
  const match = /^1\.([0-9a-f]{16})\.(\d{1,9})\.([xp])(\d{1,19})\.([\d-]*)$/.exec(text)
  if (match === null) return undefined
  const [, system, epoch, kind, value, slots] = match as unknown as [
    string,
    string,
    string,
    'x' | 'p',
    string,
    string,
  ]
  return {
    history: `${system}.${epoch}`,
    kind,
    value: BigInt(value),
    slots: slots === '' ? [] : slots.split('-').map(Number),
  }
}

export function formatToken({ history, kind, value, slots }: TokenParts): string {
  const text = `1.${history}.${kind}${value}.${slots.join('-')}`
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
