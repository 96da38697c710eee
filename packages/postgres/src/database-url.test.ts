import { expect, test } from 'vitest'
import { postgres } from './postgres.ts'
import { postgresTables } from './read/postgres-tables.ts'
import { databaseUrl } from './database-url.ts'

test.each([
  'postgres://ann:s3cret@db.example:5432/shop?sslmode=require',
  'postgresql://localhost/shop',
  'postgres://ann@/shop?host=/var/run/postgresql',
  'postgres://ann:a b@localhost/shop',
  'postgres://%2Fvar%2Frun/shop',
  'socket:/var/run?db=shop',
  '/var/run/postgresql shop',
])('%s is the address of a database', (url) => {
  expect(databaseUrl('postgres', url)).toBe(url)
})

const wrong = [
  ['an empty text', ''],
  ['an empty text', '  '],
  ['a text that is none', 'not a url s3cret'],
  ['a text that is none', 'host=localhost password=s3cret'],
  ['a text that is none', 'localhost'],
  ['a text that is none', 'postgres://ann:s3cret@[/shop'],
  ['one that starts with "mysql:"', 'mysql://ann:s3cret@localhost/shop'],
  ['one that starts with "localhost:"', 'localhost:5432/shop'],
  ['null', null],
  ['object', {}],
] as const

test.each(wrong)(
  '%s is refused before anything is tried, without its text: %o',
  async (got, url) => {
    const refusal = expect.objectContaining({
      code: 'CONFIG',
      message: expect.stringContaining(`, got ${got}`),
    })
    await expect(
      (async () => postgres({ url: url as string }).open(undefined as never, {} as never))(),
    ).rejects.toEqual(refusal)
    expect(() => postgresTables({ url: url as string })).toThrow(refusal)
    const thrown = (() => {
      try {
        return databaseUrl('postgres', url)
      } catch (error) {
        return String((error as Error).stack)
      }
    })()
    expect(thrown).toContain('expected the url of postgres({ url })')
    expect(thrown).not.toContain('s3cret')
  },
)
