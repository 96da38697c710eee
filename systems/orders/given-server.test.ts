import { createServer, type AddressInfo, type Server } from 'node:net'
import { expect, test } from 'vitest'
import { freshDatabase } from '../../test/support/postgres.ts'
import { checkPortIsFree } from './free-port.ts'
import { checkGivenServer } from './given-server.ts'

const example = 'postgres://user:password@host:5432/database'

async function listening(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => server.close(() => resolve()))

test('a given server that does not answer is told with its variable and what to do, without the password', async () => {
  const { server, port } = await listening()
  await closed(server)
  const url = `postgres://me:hunter2@127.0.0.1:${port}/orders`
  const error = await checkGivenServer('WRITE_DATABASE_URL', url, example).catch(
    (failed: Error) => failed,
  )
  expect(error).toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringMatching(
      new RegExp(
        `^expected the server at 127\\.0\\.0\\.1:${port} to answer, got ".*"; start it, or correct WRITE_DATABASE_URL`,
      ),
    ),
  })
  expect(String(error)).not.toContain('hunter2')
})

test('a text that is no URL is not repeated', async () => {
  const error = await checkGivenServer('READ_DATABASE_URL', 'me:hunter2@', example).catch(
    (failed: Error) => failed,
  )
  expect(error).toMatchObject({ code: 'CONFIG' })
  expect(String(error)).not.toContain('hunter2')
})

test('a given server that answers is taken', async () => {
  const database = await freshDatabase()
  await expect(
    checkGivenServer('WRITE_DATABASE_URL', database.url, example),
  ).resolves.toBeUndefined()
  await database.drop()
})

test('a port that is taken is found out at once, and a free one stays free', async () => {
  const { server, port } = await listening()
  await expect(checkPortIsFree(port)).rejects.toMatchObject({
    code: 'CONFIG',
    message: expect.stringContaining('choose another PORT'),
  })
  await closed(server)
  await checkPortIsFree(port)
  await checkPortIsFree(port)
})
