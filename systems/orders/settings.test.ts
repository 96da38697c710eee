import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { readSettings } from './settings.ts'

test('has sensible defaults', () => {
  expect(readSettings([], {})).toEqual({
    port: 3_000,
    dataDir: resolve('.tailrace'),
    writeUrl: undefined,
    readUrl: undefined,
    rate: 60,
    seed: undefined,
    importFolder: undefined,
  })
})

test('takes what arguments and environment say', () => {
  const env = {
    PORT: '8080',
    TAILRACE_DATA: '/data',
    WRITE_DATABASE_URL: 'postgres://w',
    READ_DATABASE_URL: 'postgres://r',
  }
  expect(readSettings(['--rate', '10000', '--seed', '7', '--import', 'data'], env)).toEqual({
    port: 8_080,
    dataDir: '/data',
    writeUrl: 'postgres://w',
    readUrl: 'postgres://r',
    rate: 10_000,
    seed: 7,
    importFolder: resolve('data'),
  })
  expect(readSettings(['--no-traffic'], {}).rate).toBeUndefined()
})

test.each([
  [['--rate', 'fast'], {}, /expected --rate to be a number from 0.1 to 100000, got "fast"/],
  [['--rate', '5', '--no-traffic'], {}, /got both/],
  [['--port', '1'], {}, /--port/],
  [[], { PORT: '70000' }, /expected PORT to be a whole number/],
])('says what is wrong with %j %j', (args, env, message) => {
  expect(() => readSettings(args, env)).toThrow(message)
})
