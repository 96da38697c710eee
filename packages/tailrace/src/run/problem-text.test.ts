import { expect, test } from 'vitest'
import { TailraceError } from '../errors.ts'
import { problemText, whereOf } from './problem-text.ts'

const command = { name: 'enter', commandId: '0198-c', aggregateId: 'a-1' }

test('a failed command is told with its ids and its trace', () => {
  expect(whereOf(command)).toBe('command enter 0198-c on "a-1"')
  expect(whereOf({ ...command, traceparent: '00-4bf92f-00f067-01' })).toBe(
    'command enter 0198-c on "a-1", trace 4bf92f',
  )
  expect(whereOf({ name: 'enter', commandId: '', aggregateId: '' })).toBe('command enter')
})

test('an error of the application is told with its stack', () => {
  const text = problemText('command enter', new TypeError('x is undefined'))
  expect(text).toMatch(/^command enter: TypeError: x is undefined\n +at .*problem-text\.test\.ts/)
})

test('an error of ours is told with its code, and the stack of what caused it', () => {
  const cause = new Error('socket closed')
  const text = problemText('timer', new TailraceError('UNAVAILABLE', 'no answer', { cause }))
  expect(text).toMatch(/^timer: UNAVAILABLE: no answer\n {2}caused by Error: socket closed\n +at /)
  expect(problemText('timer', 'torn')).toBe('timer: torn\n')
})
