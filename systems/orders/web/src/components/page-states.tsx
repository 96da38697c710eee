/** What a page shows before its first answer, when there is nothing, and when asking failed. */
export function LoadingRows({ rows = 6 }: { readonly rows?: number }) {
  return (
    <div className="card-body stack" aria-busy="true" aria-label="loading">
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} className="skeleton" style={{ width: `${90 - ((i * 17) % 40)}%` }} />
      ))}
    </div>
  )
}

export function Empty({ title, hint }: { readonly title: string; readonly hint?: string }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {hint === undefined ? null : <p>{hint}</p>}
    </div>
  )
}

export function Problem({ error, retry }: { readonly error: Error; readonly retry?: () => void }) {
  return (
    <div className="notice bad" role="alert">
      <strong>That did not work</strong>
      <span>{error.message}</span>
      {retry === undefined ? null : (
        <button type="button" className="button small" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}
