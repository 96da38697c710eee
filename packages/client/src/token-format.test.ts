import { expect, test } from 'vitest'
import { formatToken, parseToken } from './token-format.ts'

const parts = { history: '00000000000000aa.12', kind: 'x', value: 1047n, slots: [3, 200] } as const

test('takes apart what it puts together', () => {
  expect(parseToken(formatToken(parts))).toEqual(parts)
  expect(parseToken(formatToken({ ...parts, kind: 'p', slots: [] }))).toEqual({
    ...parts,
    kind: 'p',
    slots: [],
  })
})

test.each([
  ['something before it', (text: string) => `0${text}`],
  ['something after it', (text: string) => `${text}.1`],
  ['another form', (text: string) => text.replace(/^1/, '2')],
  ['a kind that it does not know', (text: string) => text.replace('.x', '.y')],
  ['no value', (text: string) => text.replace('x1047', 'x')],
])('does not know a token with %s', (_, changed) => {
  expect(parseToken(btoa(changed(atob(formatToken(parts)))))).toBeUndefined()
})

test('does not know what is no base64', () => {
  expect(parseToken('v9-something!')).toBeUndefined()
})
