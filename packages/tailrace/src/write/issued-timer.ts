import type { IssuedTimer } from '../ports/timers.ts'
import type { TimerToWrite } from '../ports/write-store.ts'
import type { PendingCommand } from './pending-command.ts'

/** The timer that a command was issued for, as its batch names it: it has to be set when the batch commits. */
export function issuedOf({ timer }: PendingCommand): readonly IssuedTimer[] {
  return timer === undefined ? none : [timer]
}

/** What becomes of that timer, unless the command's own events say otherwise. */
export function removalOf({ timer }: PendingCommand): readonly TimerToWrite[] {
  if (timer === undefined) return none
  const { schedule, stream } = timer
  return [{ schedule, stream, at: undefined, command: '', input: undefined }]
}

/** One timer has one name in a batch. */
export function timerName({ schedule, stream }: Omit<IssuedTimer, 'id'>): string {
  return `${schedule}\n${stream}`
}

const none: readonly never[] = Object.freeze([])
