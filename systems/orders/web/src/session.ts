import { useSyncExternalStore } from 'react'

export type Role = 'customer' | 'seller' | 'support'

/** Who the page speaks as. In the demo anyone may choose; a real issuer replaces this. */
export interface Session {
  readonly role: Role
  readonly id: string
}

const storageKey = 'orders.session'
const listeners = new Set<() => void>()
let current: Session = read()

export function session(): Session {
  return current
}

export function setSession(next: Session): void {
  current = next
  localStorage.setItem(storageKey, JSON.stringify(next))
  for (const listener of listeners) listener()
}

export function useSession(): Session {
  return useSyncExternalStore(subscribe, session)
}

export function bearer(): string {
  return `demo:${current.role}:${current.id}`
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function read(): Session {
  try {
    const stored = JSON.parse(localStorage.getItem(storageKey) ?? 'null') as Session | null
    if (
      stored !== null &&
      typeof stored.id === 'string' &&
      ['customer', 'seller', 'support'].includes(stored.role)
    )
      return stored
  } catch {
    // A broken entry is the same as none.
  }
  return { role: 'support', id: 'sam' }
}
