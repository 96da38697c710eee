/** Where a client keeps its tokens between page loads. */
export interface TokenStorage {
  read(): string | undefined
  write(text: string): void
}

/** `sessionStorage` where there is one (browsers), else memory: a tab sees its own writes also after a reload. */
export function defaultStorage(baseUrl: string): TokenStorage {
  const key = `tailrace.tokens:${baseUrl}`
  try {
    const session = globalThis.sessionStorage
    if (session !== undefined) {
      session.getItem(key)
      return {
        read: () => session.getItem(key) ?? undefined,
        write: (text) => attempt(() => session.setItem(key, text)),
      }
    }
  } catch {
    // Storage may be forbidden (private windows, sandboxed frames): memory then.
  }
  return memoryStorage()
}

export function memoryStorage(): TokenStorage {
  let kept: string | undefined
  return { read: () => kept, write: (text) => void (kept = text) }
}

// A full or forbidden storage must not break a command: the tokens are still in memory.
function attempt(write: () => void): void {
  try {
    write()
  } catch {
    return
  }
}
