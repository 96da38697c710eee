import { expect, test } from 'vitest'
import type { ticketApp } from '../../../test/support/ticket-app.ts'
import { createClient, memoryStorage, type ClientClock, type ClientError } from './index.ts'

// Where there is no page, a path is no address: asking again would never help.

const slept: number[] = []
const clock: ClientClock = {
  now: () => Date.UTC(2026, 0, 1),
  random: () => 0.5,
  sleep: async (ms) => void slept.push(ms),
}
const connect = (baseUrl: string) =>
  createClient<typeof ticketApp>({ baseUrl, storage: memoryStorage(), clock })

test.each([
  ['/', '/queries/counts'],
  ['', '/queries/counts'],
  ['localhost:3000', 'localhost:3000/queries/counts'],
])(
  'a client with the base URL "%s" outside a page says at once what it needs',
  async (base, url) => {
    slept.length = 0
    const client = connect(base)
    const failure = {
      code: 'BASE_URL_INVALID',
      message: `expected a \`baseUrl\` such as "https://orders.example" where no page gives the address, got the address "${url}"`,
    }
    await expect(client.queries.counts({})).rejects.toMatchObject(failure)
    await expect(client.commands.closeTicket({ ticketId: 'x' })).rejects.toMatchObject({
      code: 'BASE_URL_INVALID',
    })
    const errors: ClientError[] = []
    const live = client.live({ onError: (error) => errors.push(error) })
    await expect.poll(() => errors.map(({ code }) => code)).toEqual(['BASE_URL_INVALID'])
    live.close()
    expect(slept).toEqual([])
  },
)
