const lookEveryMs = 500

/**
 * Calls back once when this process is to end: Ctrl-C, SIGTERM, or its parent is gone. `npm start` that is ended by SIGTERM
 * leaves what it started behind without a word; only the parent's process id tells. A second signal ends at once.
 */
export function onEnd(end: () => void): void {
  let asked = false
  const ask = (): void => {
    if (asked) process.exit(1)
    asked = true
    clearInterval(watch)
    end()
  }
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.env['npm_lifecycle_event'] !== undefined && process.ppid !== parent) ask()
  }, lookEveryMs)
  watch.unref()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, ask)
}
