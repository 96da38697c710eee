import { TailraceError } from '../errors.ts'

/** How a person hears of event types that the log holds and this code does not know. */
export function unknownError(types: readonly string[]): TailraceError {
  return new TailraceError(
    'EVENT_UNKNOWN',
    `expected this code to declare every event type of the log, got ${types.map((type) => `"${type}"`).join(', ')} besides; keep the declaration of an event that was renamed or removed, or list its name as retired in app() when nothing is to read it any more; where newer code records it, deploy that. Until then no new version of a read model is made`,
    { details: { types } },
  )
}
