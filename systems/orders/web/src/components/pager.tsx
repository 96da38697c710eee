import { noteNext, pagesBefore } from '../pager.ts'

/** The foot of a list: what part of it is shown, and the ways to its other parts. */
export function Pager({
  cursor,
  nextCursor,
  total,
  size,
  shown,
  words,
  go,
}: {
  /** The page on screen is the one after it; undefined: the first. */
  readonly cursor: string | undefined
  readonly nextCursor: string | null
  readonly total: number
  readonly size: number
  readonly shown: number
  readonly words: {
    readonly first: string
    readonly back: string
    readonly next: string
    readonly of: string
  }
  readonly go: (cursor: string | undefined) => void
}) {
  const turnTo = (to: string | undefined): void => {
    go(to)
    scrollTo(0, 0)
  }
  const { known, previous } = pagesBefore(cursor)
  const from = known === undefined ? undefined : known * size + 1
  return (
    <nav className="pager" aria-label="Pages">
      <span data-testid="page-range">
        {from === undefined || shown === 0
          ? `${total.toLocaleString()} ${words.of}`
          : `${from.toLocaleString()}–${(from + shown - 1).toLocaleString()} of ${total.toLocaleString()} ${words.of}`}
      </span>
      <span className="actions">
        {cursor === undefined ? null : (
          <>
            <button type="button" className="button small" onClick={() => turnTo(undefined)}>
              {words.first}
            </button>
            <button
              type="button"
              className="button small"
              onClick={() => turnTo(previous)}
              disabled={known === undefined}
            >
              {words.back}
            </button>
          </>
        )}
        <button
          type="button"
          className="button small"
          disabled={nextCursor === null}
          onClick={() => {
            if (nextCursor === null) return
            noteNext(cursor, nextCursor)
            turnTo(nextCursor)
          }}
        >
          {words.next}
        </button>
      </span>
    </nav>
  )
}
