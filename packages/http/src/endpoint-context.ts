import type { Actor } from 'tailrace'
import type { Engine } from 'tailrace/adapter'
import type { AnswerCache } from './answer-cache.ts'
import type { Identity, Inbound } from './exchange.ts'
import { ProblemError } from './problem.ts'
import type { JsonLimits } from './read-json.ts'

/** What every endpoint has in hand. */
export interface EndpointContext extends JsonLimits {
  readonly engine: Engine
  readonly identity: Identity
  readonly answers: AnswerCache
}

/** Who asks; undefined without credentials. The engine's own role cannot come from outside. */
export async function actorOf(
  context: Pick<EndpointContext, 'identity'>,
  request: Inbound,
): Promise<Actor | undefined> {
  const actor = await context.identity(request)
  if (actor?.role === 'system')
    throw new ProblemError(
      'NOT_ALLOWED',
      'expected a role of a user, got the role of the system itself',
    )
  return actor
}

/**
 * Judges what a policy says before any input is read: nobody without identity where one is needed, nobody from outside
 * where the system itself must ask. Policies that are functions are judged by the engine.
 */
export function admit(policy: unknown, actor: Actor | undefined, what: string): void {
  if (policy === 'system')
    throw new ProblemError(
      'NOT_ALLOWED',
      `${what} is issued by the system itself, never from outside`,
    )
  if (actor === undefined && policy !== 'anyone') {
    throw new ProblemError(
      'NOT_AUTHENTICATED',
      `${what} needs an identity; send an Authorization header`,
    )
  }
}

/** The declaration of a name on the wire, never something that objects inherit. */
export function declared<T>(set: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(set, name) ? set[name] : undefined
}
