import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoIdentity } from './demo-identity.ts'
import type { Identity } from './exchange.ts'
import { identityFromEnv } from './identity-from-env.ts'
import { ProblemError } from './problem.ts'

const ask = async (
  identity: Identity,
  headers: Record<string, string>,
  peer = '127.0.0.1',
): Promise<unknown> => {
  const all: Record<string, string> = { host: '127.0.0.1:3000', ...headers }
  try {
    return await identity({ header: (name) => all[name], peer })
  } catch (error) {
    return error instanceof ProblemError ? error.reply.status : error
  }
}

describe('the demo identity', () => {
  const authorization = 'Bearer demo:seller:s-1'

  test('is believed on this machine', async () => {
    expect(await ask(demoIdentity(), { authorization })).toEqual({ role: 'seller', id: 's-1' })
    expect(await ask(demoIdentity(), { authorization, host: 'localhost' }, '::1')).toEqual({
      role: 'seller',
      id: 's-1',
    })
    expect(
      await ask(demoIdentity(), { authorization, host: '[::1]:80' }, '::ffff:127.0.0.9'),
    ).toEqual({ role: 'seller', id: 's-1' })
    expect(await ask(demoIdentity(), {})).toBeUndefined()
  })

  test('is refused from elsewhere, through a proxy, and under a name that somebody else chose', async () => {
    expect(await ask(demoIdentity(), { authorization }, '192.168.1.5')).toBe(401)
    expect(await ask(demoIdentity(), { authorization }, '')).toBe(401)
    expect(await ask(demoIdentity(), { authorization, 'x-forwarded-for': '1.2.3.4' })).toBe(401)
    expect(await ask(demoIdentity(), { authorization, forwarded: 'for=1.2.3.4' })).toBe(401)
    expect(await ask(demoIdentity(), { authorization, host: 'attacker.example' })).toBe(401)
    expect(await ask(demoIdentity(), { authorization, host: '127.0.0.1.attacker.example' })).toBe(
      401,
    )
  })

  test('has the roles that are declared, and no others', async () => {
    const merchants = demoIdentity({ roles: ['merchant'] })
    expect(await ask(merchants, { authorization: 'Bearer demo:merchant:m' })).toEqual({
      role: 'merchant',
      id: 'm',
    })
    expect(await ask(merchants, { authorization })).toBe(401)
  })
})

describe('the environment', () => {
  const real = {
    AUTH_JWKS_URL: 'http://127.0.0.1:1/keys',
    AUTH_ISSUER: 'https://issuer.example',
    AUTH_AUDIENCE: 'orders',
  }

  test('gives the demo only on a loopback binding', async () => {
    const headers = { authorization: 'Bearer demo:support:s' }
    expect(await ask(identityFromEnv({}, '127.0.0.1'), headers)).toEqual({
      role: 'support',
      id: 's',
    })
    expect(await ask(identityFromEnv({}, '0.0.0.0'), headers)).toBeUndefined()
    expect(await ask(identityFromEnv({}, '::'), headers)).toBeUndefined()
  })

  test('never gives the demo when a real issuer is set', async () => {
    expect(
      await ask(identityFromEnv(real, '127.0.0.1'), { authorization: 'Bearer demo:support:s' }),
    ).toBe(401)
  })

  test('that is half set is refused at start', () => {
    expect(() => identityFromEnv({ AUTH_ISSUER: 'x' }, '127.0.0.1')).toThrow(
      'AUTH_JWKS_URL and AUTH_AUDIENCE',
    )
    expect(() => identityFromEnv({ ...real, AUTH_JWKS_URL: 'keys' }, '127.0.0.1')).toThrow(
      'AUTH_JWKS_URL',
    )
  })
})

describe('a real issuer', () => {
  let server: Server
  let identity: Identity
  let sign: (
    claims: JWTPayload,
    edit?: (jwt: SignJWT) => SignJWT,
    key?: CryptoKey,
  ) => Promise<string>
  let otherKey: CryptoKey

  beforeAll(async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    otherKey = (await generateKeyPair('ES256')).privateKey
    const keys = JSON.stringify({
      keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }],
    })
    server = createServer((_, response) =>
      response.setHeader('content-type', 'application/json').end(keys),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
    identity = identityFromEnv(
      { AUTH_JWKS_URL: url, AUTH_ISSUER: 'https://issuer.example', AUTH_AUDIENCE: 'orders' },
      '0.0.0.0',
    )
    sign = (claims, edit = (jwt) => jwt, key = privateKey) => {
      const jwt = new SignJWT({ role: 'customer', ...claims }).setProtectedHeader({
        alg: 'ES256',
        kid: 'k1',
      })
      return edit(
        jwt
          .setSubject('c-1')
          .setIssuer('https://issuer.example')
          .setAudience('orders')
          .setExpirationTime('5m'),
      ).sign(key)
    }
  })
  afterAll(() => void server.close())

  const asks = async (token: string): Promise<unknown> =>
    ask(identity, { authorization: `Bearer ${token}` }, '203.0.113.9')

  test('is believed from anywhere', async () => {
    expect(await asks(await sign({}))).toEqual({ role: 'customer', id: 'c-1' })
  })

  test('is not believed with another key, issuer, audience, or after its time', async () => {
    expect(await asks(await sign({}, undefined, otherKey))).toBe(401)
    expect(await asks(await sign({}, (jwt) => jwt.setIssuer('https://other.example')))).toBe(401)
    expect(await asks(await sign({}, (jwt) => jwt.setAudience('other')))).toBe(401)
    expect(await asks(await sign({}, (jwt) => jwt.setExpirationTime('-1h')))).toBe(401)
    expect(await asks(await sign({ role: undefined }))).toBe(401)
    expect(await asks('x.y.z')).toBe(401)
  })

  test('is not believed with an algorithm that the caller chose', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = {
      sub: 'c-1',
      role: 'support',
      iss: 'https://issuer.example',
      aud: 'orders',
      exp: 4102444800,
    }
    expect(await asks(`${part({ alg: 'none' })}.${part(claims)}.`)).toBe(401)
    const shared = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .sign(new TextEncoder().encode('guessed secret of enough length!'))
    expect(await asks(shared)).toBe(401)
  })

  test('whose keys cannot be fetched is our trouble, not the caller’s', async () => {
    const away = identityFromEnv(
      {
        AUTH_JWKS_URL: 'http://127.0.0.1:1/keys',
        AUTH_ISSUER: 'https://issuer.example',
        AUTH_AUDIENCE: 'orders',
      },
      '0.0.0.0',
    )
    expect(await ask(away, { authorization: `Bearer ${await sign({})}` })).toMatchObject({
      code: 'UNAVAILABLE',
    })
  })
})
