import { expect, test } from 'vitest'
import { unhandledIn } from '../../test/unhandled.ts'
import { judge, systemActor, type Policy } from './actor.ts'

const ann = { role: 'customer', id: 'ann' }
const of = { kind: 'command', name: 'enter' }
const none = () => ({})
/** As it comes from behind an `any`. */
const giving = (value: unknown): Policy<object> => (() => value) as never

test('only what a policy function answers with true lets pass', () => {
  expect(judge(giving(true), ann, none, of)).toBe('allowed')
  expect(judge(giving(false), ann, none, of)).toBe('not-allowed')
  expect(judge(giving(true), undefined, none, of)).toBe('not-authenticated')
  expect(judge(giving(false), systemActor, none, of)).toBe('allowed')
})

test.each([
  ['a promise', Promise.resolve(true)],
  // oxlint-disable-next-line unicorn/no-thenable -- Such as query builders are.
  ['a promise', { then: () => undefined }],
  ['undefined', undefined],
  ['null', null],
  ['a string', 'no'],
  ['a number', 1],
  ['an object', {}],
  ['a list', []],
  ['a Boolean', Object(false)],
])('a policy function that gives %s is an error of the application', (text, value) => {
  expect(() => judge(giving(value), ann, none, of)).toThrow(
    expect.objectContaining({
      code: 'HANDLER_RESULT_INVALID',
      message: `expected \`may\` of command "enter" to give true, false or { because } at once, got ${text}; nobody may pass until it does`,
    }),
  )
})

test('what a promised policy rejects with does not end the process', async () => {
  const unhandled = await unhandledIn(async () => {
    expect(() => judge(giving(Promise.reject(new Error('no'))), ann, none, of)).toThrow('a promise')
  })
  expect(unhandled).toEqual([])
})
