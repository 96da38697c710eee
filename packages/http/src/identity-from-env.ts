import { TailraceError } from 'tailrace/adapter'
import { demoIdentity, isLoopback, type DemoIdentityOptions } from './demo-identity.ts'
import { nobody, type Identity } from './exchange.ts'
import { issuerIdentity } from './issuer-identity.ts'

export interface AuthEnv {
  readonly AUTH_JWKS_URL?: string | undefined
  readonly AUTH_ISSUER?: string | undefined
  readonly AUTH_AUDIENCE?: string | undefined
  readonly AUTH_ROLE_CLAIM?: string | undefined
}

/**
 * The identity that the environment asks for: a real issuer when it is set (then never the demo), else the demo on a
 * loopback binding, else none: nobody is authenticated. Throws `CONFIG` for an issuer that is only half set.
 */
export function identityFromEnv(
  env: AuthEnv,
  host: string,
  demo: DemoIdentityOptions = {},
): Identity {
  const {
    AUTH_JWKS_URL: jwksUrl,
    AUTH_ISSUER: issuer,
    AUTH_AUDIENCE: audience,
    AUTH_ROLE_CLAIM: roleClaim,
  } = env
  if (jwksUrl && issuer && audience) {
    if (!URL.canParse(jwksUrl))
      throw new TailraceError('CONFIG', `expected AUTH_JWKS_URL to be a URL, got "${jwksUrl}"`)
    return issuerIdentity({ jwksUrl, issuer, audience, ...(roleClaim ? { roleClaim } : {}) })
  }
  if (jwksUrl || issuer || audience) {
    const missing = [
      ['AUTH_JWKS_URL', jwksUrl],
      ['AUTH_ISSUER', issuer],
      ['AUTH_AUDIENCE', audience],
    ].filter(([, value]) => !value)
    throw new TailraceError(
      'CONFIG',
      `expected AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE together, got no ${missing.map(([name]) => name).join(' and ')}`,
    )
  }
  return isLoopback(host) ? demoIdentity(demo) : nobody
}
