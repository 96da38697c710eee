const marked = new WeakSet<object>()

/** Remembers that an error came out of a connection, and not out of code that uses one. Gives it back. */
export function connectionError<E>(error: E): E {
  if (typeof error === 'object' && error !== null) marked.add(error)
  return error
}

export function isConnectionError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && marked.has(error)
}
