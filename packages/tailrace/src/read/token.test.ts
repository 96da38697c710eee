import { expect, test } from 'vitest'
import { decodeToken, encodeToken, type Token } from './token.ts'

const token: Token = {
  systemId: '7512fdf6c0a1b2c3',
  epoch: 12,
  kind: 'xid',
  value: 1_047n,
  slots: [3, 17, 255],
}

const encoded = (text: string): string =>
  btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')

const plain = (of: Token): string => atob(encodeToken(of).replaceAll('-', '+').replaceAll('_', '/'))

test.each<Partial<Token>>([
  {},
  { slots: [] },
  { slots: [0] },
  { kind: 'position', slots: [] },
  { epoch: 999_999_999 },
  { value: 0n },
  { value: 9_223_372_036_854_775_807n },
])('reads what it wrote: %o', (changed) => {
  const written = { ...token, ...changed }
  expect(decodeToken(encodeToken(written))).toEqual(written)
})

test.each([
  ['another version of the form', '2.7512fdf6c0a1b2c3.12.x1047.3'],
  ['something before it', ' 1.7512fdf6c0a1b2c3.12.x1047.3'],
  ['a part too many', '1.7512fdf6c0a1b2c3.12.x1047.3.4'],
  ['a part too few', '1.7512fdf6c0a1b2c3.12.x1047'],
  ['a longer system', '1.07512fdf6c0a1b2c3.12.x1047.3'],
  ['a longer system at its end', '1.7512fdf6c0a1b2c30.12.x1047.3'],
  ['a system that is no hex', '1.7512fdf6c0a1b2cg.12.x1047.3'],
  ['an epoch of ten digits', '1.7512fdf6c0a1b2c3.1234567890.x1047.3'],
  ['an epoch with a sign', '1.7512fdf6c0a1b2c3.-1.x1047.3'],
  ['an epoch with something after it', '1.7512fdf6c0a1b2c3.12e.x1047.3'],
  ['an unknown kind', '1.7512fdf6c0a1b2c3.12.y1047.3'],
  ['something before the kind', '1.7512fdf6c0a1b2c3.12.1x1047.3'],
  ['a value of twenty digits', '1.7512fdf6c0a1b2c3.12.x10470000000000000000.3'],
  ['no value', '1.7512fdf6c0a1b2c3.12.x.3'],
  ['a slot of four digits', '1.7512fdf6c0a1b2c3.12.x1047.0003'],
  ['a slot beyond the last', '1.7512fdf6c0a1b2c3.12.x1047.3-256'],
  ['an empty slot', '1.7512fdf6c0a1b2c3.12.x1047.3--4'],
  ['a slot with a sign', '1.7512fdf6c0a1b2c3.12.x1047.-3'],
])('refuses %s', (_, text) => {
  expect(() => decodeToken(encoded(text))).toThrow(
    expect.objectContaining({
      code: 'INVALID_TOKEN',
      message: expect.stringContaining('expected a consistency token') as string,
    }),
  )
})

test('refuses what is too long, or no base64url, without looking into it', () => {
  const long = encoded(plain(token).replace('.3-', `.${'3-'.repeat(3_000)}`))
  for (const text of [long, `${encodeToken(token)}=`, `+${encodeToken(token)}`, '', '?'])
    expect(() => decodeToken(text)).toThrow(expect.objectContaining({ code: 'INVALID_TOKEN' }))
})

test('names of a token that it refuses no more than the beginning', () => {
  expect(() => decodeToken('x'.repeat(100))).toThrow(`got "${'x'.repeat(40)}"`)
})
