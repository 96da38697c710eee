import { resolve } from 'node:path'
import { serveStatic } from '@hono/node-server/serve-static'
import type { Hono } from 'hono'

/** Serves the files of a folder under a path. Names with a hash in them never change, so browsers may keep them. */
export function serveFiles(app: Hono, path: string, folder: string): void {
  const root = resolve(folder)
  const prefix = path.replace(/\/$/, '')
  app.use(
    `${prefix}/*`,
    serveStatic({
      root,
      rewriteRequestPath: (asked) => asked.slice(prefix.length) || '/',
      onFound: (file, context) => {
        const hashed = /[-.][\w-]{8,}\.\w+$/.test(file)
        context.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache')
        context.header('x-content-type-options', 'nosniff')
      },
    }),
  )
}
