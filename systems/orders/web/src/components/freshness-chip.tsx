import { useEffect, useState } from 'react'
import type { Meta } from 'tailrace'
import { ago, clock } from '../format.ts'

/** How fresh the answer on screen is: "as of 12:04:03 · 0.2 s behind". Turns amber when the answer is stale. */
export function FreshnessChip({ meta }: { readonly meta: Meta | undefined }) {
  if (meta === undefined) return <span className="chip">loading…</span>
  return (
    <span
      className={`chip ${meta.stale ? 'stale' : ''}`}
      title={`position ${meta.position}, lag ${Math.round(meta.lagMs)} ms`}
      data-testid="freshness"
    >
      <span className="dot" aria-hidden="true" />
      as of {clock(meta.asOf)} · <Behind key={`${meta.position} ${meta.asOf}`} lagMs={meta.lagMs} />
    </span>
  )
}

/** Shown while a read model lags beyond its objective. */
export function DelayedNotice({ meta }: { readonly meta: Meta | undefined }) {
  if (meta === undefined || !(meta.stale || meta.lagMs > 500)) return null
  return (
    <div className="notice" role="status" data-testid="delayed-notice">
      <strong>Results may be delayed</strong>
      <span>as of {clock(meta.asOf)}. Your own changes are shown all the same.</span>
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
