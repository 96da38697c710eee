import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { serveStatic } from '@hono/node-server/serve-static'
import type { Context, Hono } from 'hono'
import { responseOf } from './fetch-handler.ts'
import { methodNotAllowed } from './problem.ts'

/**
 * Serves the files of folders under a path; of several, the first that has the file. Names with a hash in them never
 * change, so browsers may keep them. An address that no file has is answered to a browser with the first folder's
 * `index.html`: pages that route by themselves can be opened at any of their addresses. A file with compressed twins beside
 * it (`app.js.br`, `app.js.gz`) is sent as one of those to whoever takes them. Files can only be read: 405.
 */
export function serveFiles(app: Hono, path: string, folders: string | readonly string[]): void {
  const prefix = path.replace(/\/$/, '')
  const roots = [folders].flat().map((folder) => resolve(folder))
  app.use(`${prefix}/*`, async ({ req, env }, next) => {
    if (req.method === 'GET' || req.method === 'HEAD') return next()
    const read = await app.request(req.path, { method: 'HEAD' }, env)
    return read.status === 200 ? responseOf(methodNotAllowed(req, ['GET'])) : next()
  })
  for (const root of roots) {
    const serve = serveStatic({
      root,
      precompressed: true,
      rewriteRequestPath: (asked) => asked.slice(prefix.length) || '/',
    })
    app.use(`${prefix}/*`, async (context, next) => {
      const file = await serve(context, next)
      if (!(file instanceof Response)) return
      const hashed = /[-.][\w-]{8,}\.\w+$/.test(context.req.path)
      file.headers.set('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache')
      file.headers.set('x-content-type-options', 'nosniff')
      return file
    })
  }
  const index = join(roots[0]!, 'index.html')
  app.get(`${prefix}/*`, async (context, next) => {
    if (!isPageAddress(context) || !existsSync(index)) return next()
    context.header('cache-control', 'no-cache')
    context.header('x-content-type-options', 'nosniff')
    return context.html(await readFile(index, 'utf8'))
  })
}

/** A person's browser asks for a page; scripts and missing files are told that there is nothing. */
function isPageAddress({ req }: Context): boolean {
  const last = req.path.slice(req.path.lastIndexOf('/') + 1)
  return !last.includes('.') && (req.header('accept') ?? '').includes('text/html')
}
