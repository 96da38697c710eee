import type { Actor } from 'tailrace'
import { jsonSchemaOf, type App } from 'tailrace/adapter'

type Query = App['queries'][string]

/**
 * Whether the actor may ask the query with some input, as far as can be said before there is one. False only where the
 * policy refuses without having looked at the input: then it refuses them all. What it decides by the input is judged by
 * the engine when the question comes.
 */
export function mayAskSome({ may, input: schema }: Query, actor: Actor): boolean {
  if (typeof may !== 'function') return may !== 'system'
  let looked = false
  const look = (): never => {
    looked = true
    throw new Error('expected a policy that does not depend on the input, got one that does')
  }
  const unseen = unseenInput(look)
  const watchable = jsonSchemaOf(schema, 'input')?.['type'] === 'object'
  try {
    const answer: unknown = may({
      actor,
      get input() {
        // A plain value could be compared without a trace: to be handed it counts as a look.
        looked ||= !watchable
        return unseen
      },
    })
    return answer === true || looked
  } catch {
    // A policy that throws of itself lets nobody pass.
    return looked
  }
}

/** An object that tells of every look at what it holds. */
function unseenInput(look: () => never): object {
  return new Proxy(
    {},
    { get: look, has: look, ownKeys: look, getOwnPropertyDescriptor: look, getPrototypeOf: look },
  )
}
