import type { ReactorDef } from '../declare/reactor.ts'
import { TailraceError } from '../errors.ts'
import { reactorLease } from '../log/reactor-lease.ts'
import type { LeaseStore } from '../ports/leases.ts'
import type { LogTypes } from '../ports/log-types.ts'

/**
 * Reactors that came to handle further events while a process that does not may hold their leases. It passes over these
 * events, and a reactor sees none of them again: nobody else would say that something was not done.
 */
export async function changedReactors(
  reactors: readonly ReactorDef[],
  types: LogTypes,
  leases: Pick<LeaseStore, 'list'>,
): Promise<readonly TailraceError[]> {
  const changed: { readonly name: string; readonly more: readonly string[] }[] = []
  for (const { name, on } of reactors) {
    const handled = Object.keys(on).toSorted()
    const before = await types.reacts(name, handled)
    const more = handled.filter((type) => before?.includes(type) === false)
    if (more.length > 0) changed.push({ name, more })
  }
  if (changed.length === 0) return []
  const held = (await leases.list()).filter(
    ({ owner, remainingMs }) => owner !== undefined && remainingMs > 0,
  )
  return changed
    .filter(({ name }) => held.some(({ projection }) => projection === reactorLease(name)))
    .map(changedError)
}

function changedError({
  name,
  more,
}: {
  readonly name: string
  readonly more: readonly string[]
}): TailraceError {
  return new TailraceError(
    'REACTOR_CHANGED',
    `expected no process of the release before to run reactor "${name}", which came to handle ${more.map((type) => `"${type}"`).join(', ')}, got one: it passes over these events for as long as it runs; stop it before they come, or give the handler a reactor of its own, which begins where the log ends now`,
    { details: { reactor: name, more } },
  )
}
