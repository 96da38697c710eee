import { useSyncExternalStore } from 'react'

export type Role = 'customer' | 'seller' | 'support'

/** Who the page speaks as. In the demo anyone may choose; a real issuer replaces this. */
export interface Session {
  readonly role: Role
  readonly id: string
}

const storageKey = 'orders.session'
// A tab keeps its own identity; a new tab begins with the last one that was chosen.
const stores = [() => sessionStorage, () => localStorage] as const
const listeners = new Set<() => void>()
let current: Session = read()
// From now on another tab's choice does not change this one, not even when it is loaded again.
keep(stores[0], current)

export function session(): Session {
  return current
}

export function setSession(next: Session): void {
  current = next
  for (const kept of stores) keep(kept, next)
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

function keep(kept: () => Storage, chosen: Session): void {
  try {
    kept().setItem(storageKey, JSON.stringify(chosen))
  } catch {
    // Kept for as long as the page lives, then.
  }
}

/** What an id may be made of: it travels in a header. */
export const sessionIdPattern = '[!-~]{1,64}'

function read(): Session {
  for (const kept of stores) {
    try {
      const stored = JSON.parse(kept().getItem(storageKey) ?? 'null') as Session | null
      if (stored !== null && isSession(stored)) return stored
    } catch {
      // A broken entry, or a browser that keeps nothing, is the same as none.
    }
  }
  return { role: 'support', id: 'sam' }
}

function isSession({ role, id }: Session): boolean {
  return (
    ['customer', 'seller', 'support'].includes(role) &&
    typeof id === 'string' &&
    new RegExp(`^${sessionIdPattern}$`).test(id)
  )
}
