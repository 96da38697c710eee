import type { Actor } from 'tailrace'
import type { Identity, IdentityRequest } from './exchange.ts'
import { ProblemError } from './problem.ts'

export interface DemoIdentityOptions {
  /** Default: customer, seller, support. */
  readonly roles?: readonly string[]
}

/**
 * `Authorization: Bearer demo:<role>:<id>`, for a first look on one's own machine: whoever asks is believed. Therefore
 * only when the peer of the connection is this machine, no proxy stands between, and the address bar of a page says
 * this machine too (a name that a stranger resolves to 127.0.0.1 is refused).
 */
export function demoIdentity(options: DemoIdentityOptions = {}): Identity {
  const roles = options.roles ?? ['customer', 'seller', 'support']
  const identity = (request: IdentityRequest): Actor | undefined => {
    const header = request.header('authorization')
    if (header === undefined) return undefined
    const [, role, id] = /^Bearer demo:([\w-]{1,64}):([\x21-\x7e]{1,255})$/i.exec(header) ?? []
    if (role === undefined || !roles.includes(role)) {
      throw unauthenticated(`expected "Bearer demo:<role>:<id>" with a role of ${roles.join(', ')}`)
    }
    const remote = !isLoopback(request.peer) || !isLoopbackHost(request.header('host'))
    const forwarded = request.header('forwarded') ?? request.header('x-forwarded-for')
    if (remote || forwarded !== undefined) {
      throw unauthenticated(
        'demo identities are accepted only from the machine itself; set AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE',
      )
    }
    return { role, id: id! }
  }
  return Object.assign(identity, { keyOf })
}

function keyOf({ header, peer }: IdentityRequest): string {
  const proxy = header('forwarded') ?? header('x-forwarded-for') ?? ''
  return `${header('authorization') ?? ''}\n${peer}\n${header('host')}\n${proxy}`
}

export function unauthenticated(detail: string): ProblemError {
  return new ProblemError('NOT_AUTHENTICATED', detail)
}

/** Whether an address is this machine. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false
  const plain = address.replace(/^::ffff:/i, '').replace(/^\[|\]$/g, '')
  return plain === '::1' || plain === 'localhost' || /^127(\.\d{1,3}){3}$/.test(plain)
}

function isLoopbackHost(host: string | undefined): boolean {
  return host !== undefined && isLoopback(host.toLowerCase().replace(/:\d+$/, ''))
}
