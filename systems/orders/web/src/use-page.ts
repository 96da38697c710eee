import { useEffect, useRef } from 'react'
import { useLocation } from 'wouter'

/** Names the page in the tab, in bookmarks and for screen readers. */
export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Tailrace Orders`
  }, [title])
}

let byHistory = false
addEventListener('popstate', () => {
  byHistory = true
  setTimeout(() => (byHistory = false))
})

/** A new page begins at its top, with the focus in it; back and forward find the place where one was. */
export function usePageStart(): React.RefObject<HTMLElement | null> {
  const main = useRef<HTMLElement>(null)
  const [path] = useLocation()
  const shown = useRef(path)
  useEffect(() => {
    if (shown.current === path) return
    shown.current = path
    if (!byHistory) scrollTo(0, 0)
    main.current?.focus({ preventScroll: true })
  }, [path])
  return main
}
