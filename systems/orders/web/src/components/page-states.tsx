import { Component, type ReactNode } from 'react'
import { problemText } from '../problem-text.ts'

/** What a page shows before its first answer, when there is nothing, and when asking failed. */
export function LoadingRows({ rows = 6 }: { readonly rows?: number }) {
  return (
    <div className="card-body stack" role="status" aria-busy="true">
      <span className="visually-hidden">Loading…</span>
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} className="skeleton" style={{ width: `${90 - ((i * 17) % 40)}%` }} />
      ))}
    </div>
  )
}

export function Empty({
  title,
  hint,
  level = 2,
  children,
}: {
  readonly title: string
  readonly hint?: string
  /** 1 where it is all that the page has. */
  readonly level?: 1 | 2
  readonly children?: ReactNode
}) {
  const Heading = `h${level}` as const
  return (
    <div className="empty">
      <Heading>{title}</Heading>
      {hint === undefined ? null : <p>{hint}</p>}
      {children}
    </div>
  )
}

export function Problem({ error, retry }: { readonly error: Error; readonly retry?: () => void }) {
  const { title, hint, retry: helps } = problemText(error)
  return (
    <div className="notice bad" role="alert">
      <strong>{title}</strong>
      <span>{hint}</span>
      {retry === undefined || !helps ? null : (
        <button type="button" className="button small" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** Keeps a page that fails to render, or whose code is gone with a release, from taking the others with it. */
export class PageBoundary extends Component<
  { readonly children: ReactNode },
  { readonly error: Error | undefined }
> {
  override state: { readonly error: Error | undefined } = { error: undefined }

  static getDerivedStateFromError(error: Error) {
    return { error }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (error === undefined) return this.props.children
    return (
      <Empty level={1} title="This page could not be shown" hint={error.message}>
        <button
          type="button"
          className="button"
          onClick={() => this.setState({ error: undefined })}
        >
          Show it again
        </button>
      </Empty>
    )
  }
}
