import { useEffect, useState } from 'react'
import { ago, clock } from '../format.ts'
import { problemText } from '../problem-text.ts'
import type { AnswerState } from '../use-answer.ts'

type Told = Pick<AnswerState<unknown>, 'meta' | 'error' | 'pending' | 'delayed' | 'refetch'>

/** How fresh the answer on screen is: "as of 12:04:03 · 0.2 s behind". Turns amber when the answer is stale. */
export function FreshnessChip({ of: { meta, error, pending } }: { readonly of: Told }) {
  if (meta === undefined) return error === undefined ? <span className="chip">loading…</span> : null
  const late = meta.stale || error !== undefined
  return (
    <span
      className={`chip ${late ? 'stale' : ''}`}
      title={`position ${meta.position}, lag ${Math.round(meta.lagMs)} ms`}
      data-testid="freshness"
    >
      <span className="dot" aria-hidden="true" />
      <span>
        as of <bdi>{clock(meta.asOf)}</bdi> ·{' '}
        {pending > 0 ? (
          'saving your change…'
        ) : (
          <Behind key={`${meta.position} ${meta.asOf} ${meta.lagMs}`} lagMs={meta.lagMs} />
        )}
      </span>
    </span>
  )
}

const objectiveMs = 500

/**
 * Shown while a read model lags beyond its objective, while the page cannot ask, and while what is asked for waits for a
 * repair. What it says of the viewer's own changes is what they see.
 */
export function DelayedNotice({ of: told }: { readonly of: Told }) {
  const { meta, error, pending, delayed } = told
  if (meta === undefined) return null
  if (error !== undefined) return <NotAnswered {...told} error={error} asOf={meta.asOf} />
  if (meta.parked !== undefined)
    return (
      <div className="notice" role="status" data-testid="parked-notice">
        <strong>Part of this waits for a repair</strong>
        <span>What happened to it since is not shown yet.</span>
      </div>
    )
  if (!(meta.stale || delayed || meta.lagMs > objectiveMs)) return null
  return (
    <div className="notice" role="status" data-testid="delayed-notice">
      <strong>Results may be delayed</strong>
      <span>
        as of {clock(meta.asOf)}.{' '}
        {pending === 0 && meta.behindToken === true
          ? 'Your last changes are saved and will show here.'
          : 'Your own changes are shown all the same.'}
      </span>
    </div>
  )
}

function NotAnswered({
  error,
  asOf,
  refetch,
}: {
  readonly error: Error
  readonly asOf: string
  readonly refetch: () => void
}) {
  const { title, hint, retry } = problemText(error)
  return (
    <div className="notice bad" role="alert" data-testid="not-answered">
      <strong>{title}</strong>
      <span>
        This is as of {clock(asOf)}. {hint}
      </span>
      {retry ? (
        <button type="button" className="button small" onClick={refetch}>
          Try again
        </button>
      ) : null}
    </div>
  )
}

/** Says how far behind an answer is, and, when it is older than a few seconds, how long it has been on screen. */
function Behind({ lagMs }: { readonly lagMs: number }) {
  const [seconds, setSeconds] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => setSeconds((before) => before + 1), 1_000)
    return () => clearInterval(timer)
  }, [])
  if (seconds >= 3) return <>read {ago(seconds * 1_000)} ago</>
  return <>{lagMs > 0 ? `${ago(lagMs)} behind` : 'up to date'}</>
}
