import { nearest, TailraceError } from '../errors.ts'

/**
 * What a process does. `api` takes commands and answers queries, `sequencer` stands by to give events their positions (one
 * is active at a time), `relay` stands by to publish the log to a bus where there is one, `worker` keeps read models up to
 * date and runs reactors, `timer` issues scheduled commands.
 */
export type Role = 'api' | 'sequencer' | 'relay' | 'worker' | 'timer'

export const allRoles: readonly Role[] = ['api', 'sequencer', 'relay', 'worker', 'timer']

/** Checks a list of roles. Throws `CONFIG`. */
export function checkRoles(roles: readonly string[]): ReadonlySet<Role> {
  if (roles.length === 0)
    throw new TailraceError(
      'CONFIG',
      `expected at least one role of ${allRoles.join(', ')}, got none`,
    )
  for (const role of roles) {
    if (!allRoles.includes(role as Role))
      throw new TailraceError(
        'CONFIG',
        `expected roles of ${allRoles.join(', ')}, got "${role}"${nearest(role, allRoles)}`,
      )
  }
  return new Set(roles as readonly Role[])
}
