import { useEffect, useState } from 'react'
import type { Meta } from 'tailrace'
import { ago, clock } from '../format.ts'

/** How fresh the answer on screen is: "as of 12:04:03 · 0.2 s behind". Turns amber when the answer is stale. */
export function FreshnessChip({ meta }: { readonly meta: Meta | undefined }) {
  const age = useAge(meta)
  if (meta === undefined) return <span className="chip">loading…</span>
  const behind = meta.lagMs > 0 ? `${ago(meta.lagMs)} behind` : 'up to date'
  return (
    <span className={`chip ${meta.stale ? 'stale' : ''}`} title={`position ${meta.position}, lag ${Math.round(meta.lagMs)} ms`} data-testid="freshness">
      <span className="dot" aria-hidden="true" />
      as of {clock(meta.asOf)} · {age < 3_000 ? behind : `read ${ago(age)} ago`}
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

function useAge(meta: Meta | undefined): number {
  const [age, setAge] = useState(0)
  useEffect(() => {
    const start = performance.now()
    setAge(0)
    const timer = setInterval(() => setAge(performance.now() - start), 1_000)
    return () => clearInterval(timer)
  }, [meta])
  return age
}
