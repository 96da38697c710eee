import { createElement, type ReactElement } from 'react'
import type { Meta } from 'tailrace'
import type { ViewState } from '../query-view.ts'

export interface FreshnessProps {
  /** The state of a view, as `useQuery` gives it. */
  readonly of: Pick<ViewState<unknown>, 'meta' | 'pending' | 'delayed'>
  /** Lag in milliseconds above which a delay is worth a word. Default: 2,000. */
  readonly after?: number
  readonly className?: string
}

export type FreshnessWord = 'unknown' | 'fresh' | 'saving' | 'delayed'

/**
 * One line that says how fresh a view is: "as of 12:00:03", "saving …", or that results may be delayed. Screen readers
 * are told when it changes. `data-freshness` holds the word, for styles.
 */
export function Freshness({ of, after = 2_000, className }: FreshnessProps): ReactElement {
  const word = freshnessWord(of, after)
  const props = {
    className,
    role: 'status',
    'aria-live': 'polite' as const,
    'data-freshness': word,
  }
  return createElement('span', props, textOf(word, of.meta))
}

/** How fresh a view is, in one word. */
export function freshnessWord(
  { meta, pending, delayed }: FreshnessProps['of'],
  after: number,
): FreshnessWord {
  if (meta === undefined) return 'unknown'
  if (meta.notice !== undefined || meta.lagMs >= after || delayed) return 'delayed'
  if (pending > 0) return 'saving'
  return meta.stale ? 'delayed' : 'fresh'
}

function textOf(word: FreshnessWord, meta: Meta | undefined): string {
  if (meta === undefined) return ''
  const at = new Date(meta.asOf).toLocaleTimeString(undefined, { hour12: false })
  if (word === 'saving') return `as of ${at}, saving …`
  if (word === 'delayed') return meta.notice ?? `results may be delayed, as of ${at}`
  return `as of ${at}`
}
