import { createRemoteJWKSet, errors, jwtVerify, type JWTVerifyGetKey } from 'jose'
import type { Actor } from 'tailrace'
import { TailraceError } from 'tailrace/adapter'
import { unauthenticated } from './demo-identity.ts'
import type { Identity, IdentityRequest } from './exchange.ts'

export interface IssuerOptions {
  readonly jwksUrl: string
  readonly issuer: string
  readonly audience: string
  /** The claim that holds the role. Default: `role`. */
  readonly roleClaim?: string
  /** Default: the asymmetric algorithms below. Symmetric ones and `none` are never accepted. */
  readonly algorithms?: readonly Algorithm[]
  /** Where the keys come from, instead of `jwksUrl`. */
  readonly keys?: JWTVerifyGetKey
}

export type Algorithm = (typeof asymmetric)[number]

const asymmetric = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'Ed25519'] as const

/** Verifies the tokens of a real issuer: signature, issuer, audience, expiry; `sub` is the id, a claim the role. */
export function issuerIdentity(options: IssuerOptions): Identity {
  const keys = options.keys ?? createRemoteJWKSet(new URL(options.jwksUrl))
  const roleClaim = options.roleClaim ?? 'role'
  const algorithms = [...(options.algorithms ?? asymmetric)]
  const identity = async (request: IdentityRequest): Promise<Actor | undefined> => {
    const header = request.header('authorization')
    if (header === undefined) return undefined
    const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(header)?.[1]
    if (token === undefined)
      throw unauthenticated('expected "Bearer <token>" with a signed token of the issuer')
    const claims = await verified(token)
    const role = claims[roleClaim]
    if (
      typeof role !== 'string' ||
      role === '' ||
      typeof claims.sub !== 'string' ||
      claims.sub === ''
    ) {
      throw unauthenticated(`expected the token to name "sub" and "${roleClaim}"`)
    }
    return { role, id: claims.sub }
  }
  return Object.assign(identity, {
    keyOf: (request: IdentityRequest) => request.header('authorization') ?? '',
  })

  async function verified(token: string): Promise<Record<string, unknown>> {
    const { issuer, audience } = options
    try {
      const result = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms,
        requiredClaims: ['sub', 'exp'],
        clockTolerance: 5,
      })
      return result.payload
    } catch (error) {
      // Keys that cannot be fetched are our trouble and pass; a token that does not hold is the caller's.
      if (
        !(error instanceof errors.JOSEError) ||
        error instanceof errors.JWKSTimeout ||
        error.code === 'ERR_JOSE_GENERIC'
      ) {
        throw new TailraceError('UNAVAILABLE', 'the keys of the issuer cannot be fetched', {
          cause: error,
          retryable: true,
        })
      }
      throw unauthenticated(`the token does not hold: ${error.code}`)
    }
  }
}
