import { useEffect, useState, useSyncExternalStore } from 'react'
import { client } from './api.ts'
import { useSession } from './session.ts'

/**
 * Follows the read models over one connection while the page is visible. Browsers allow a site six connections in all:
 * tabs in the background must not take them away from the one in front.
 */
export function useLive(): boolean {
  useSession()
  const current = client()
  const visible = useSyncExternalStore(onVisibility, () => !document.hidden)
  const [connected, setConnected] = useState(false)
  useEffect(() => {
    if (!visible) return undefined
    const live = current.live({ onConnected: setConnected })
    return () => {
      live.close()
      setConnected(false)
    }
  }, [current, visible])
  return connected
}

function onVisibility(changed: () => void): () => void {
  document.addEventListener('visibilitychange', changed)
  return () => document.removeEventListener('visibilitychange', changed)
}
