import type { Actor } from './actor.ts'

/** A call of a command or query that works, and who may make it. */
export interface CallExample<I> {
  readonly input: I
  /** Absent: works without an identity. */
  readonly as?: Actor
}
