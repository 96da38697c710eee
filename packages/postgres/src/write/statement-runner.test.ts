import { expect, test } from 'vitest'
import { asUnavailable } from '../log/lost-connection.ts'
import { read } from './statement-runner.ts'

test('a database that cannot be connected to is said to be away once, however deep the call', async () => {
  const connect = (): Promise<never> =>
    Promise.reject(new Error('connect ECONNREFUSED 127.0.0.1:1'))
  const failed = await read({ connect }, { text: 'select 1' }).catch(asUnavailable)
  expect(failed).toMatchObject({
    code: 'UNAVAILABLE',
    message:
      'expected a connection to the write database, got "connect ECONNREFUSED 127.0.0.1:1"; nothing was changed, so try again later',
  })
})
