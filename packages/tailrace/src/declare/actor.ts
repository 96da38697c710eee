/** Who sends a command or asks a query. `system` is the product itself (timers, reactors). */
export interface Actor {
  readonly role: string
  readonly id: string
}

export const systemActor: Actor = Object.freeze({ role: 'system', id: 'system' })

/**
 * Who may: `'anyone'` also without identity, `'authenticated'`, `'system'` (never from outside), or a function.
 * Always declared: there is no default.
 */
export type Policy<Args> =
  | 'anyone'
  | 'authenticated'
  | 'system'
  | ((args: Args & { readonly actor: Actor }) => boolean)

export type PolicyVerdict = 'allowed' | 'not-authenticated' | 'not-allowed'

/** Evaluates a policy. A function policy is asked only with an identity. */
export function judge<Args>(
  policy: Policy<Args>,
  actor: Actor | undefined,
  args: () => Args,
): PolicyVerdict {
  if (policy === 'anyone' || actor?.role === 'system') return 'allowed'
  if (actor === undefined) return 'not-authenticated'
  if (policy === 'authenticated') return 'allowed'
  if (policy === 'system') return 'not-allowed'
  return policy({ ...args(), actor }) ? 'allowed' : 'not-allowed'
}
