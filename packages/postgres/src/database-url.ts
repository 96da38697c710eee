import { TailraceError } from 'tailrace/adapter'

/**
 * Checks the address of a database: an unset variable must not lead to whatever listens on this machine. Throws `CONFIG`,
 * which never repeats the text: it may hold a password.
 */
export function databaseUrl(of: 'postgres' | 'postgresTables', url: unknown): string {
  if (url === undefined) throw config(`expected ${of}({ url }) or ${of}({ pool }), got neither`)
  const expected = `expected the url of ${of}({ url }) to be postgres://user:password@host:port/database`
  if (typeof url !== 'string')
    throw config(`${expected}, got ${url === null ? 'null' : typeof url}`)
  if (url.trim() === '')
    throw config(`${expected}, got an empty text; see that the variable that it comes from is set`)
  // A folder of sockets, which the driver takes, too.
  if (url.startsWith('/')) return url
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  if (scheme === undefined || !canParse(url)) throw config(`${expected}, got a text that is none`)
  if (!['postgres', 'postgresql', 'socket'].includes(scheme))
    throw config(`${expected}, got one that starts with "${scheme}:"`)
  return url
}

/** As the driver parses it: without a host, and with spaces. */
function canParse(url: string): boolean {
  return URL.canParse(url.replace('@/', '@host/').replaceAll(' ', '%20'))
}

function config(message: string): TailraceError {
  return new TailraceError('CONFIG', message)
}
