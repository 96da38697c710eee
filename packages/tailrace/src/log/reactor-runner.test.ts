import { expect, test } from 'vitest'
import { z } from 'zod'
import { ListLog, overriding } from '@tailrace/conformance'
import { MemoryLeases } from '../../../conformance/src/memory-leases.ts'
import { event } from '../declare/event.ts'
import { reactor } from '../declare/reactor.ts'
import type { GivenUpStore } from '../ports/given-up.ts'
import type { LeaseStore } from '../ports/leases.ts'
import type { ReactorLedger } from '../ports/timers.ts'
import { systemClock } from '../run/system-clock.ts'
import { startReactors } from './reactor-runner.ts'

const clock = systemClock()
const Noted = event('Noted', z.object({}))
const letters = reactor('letters', { from: [Noted], on: { Noted: async () => undefined } })

const ledger: ReactorLedger = {
  checkpoint: async () => 0n,
  advance: async () => undefined,
  handled: async () => new Set(),
  record: async () => true,
}
const givenUp = { due: async () => [] } as unknown as GivenUpStore

function running(leases: LeaseStore) {
  return startReactors({
    reactors: [letters],
    log: new ListLog([]),
    leases,
    ledger,
    givenUp,
    submit: async () => Promise.reject(new Error('nothing is sent')),
    clock,
  })
}

test('leases that it is given while it stops are handed back: the next process need not wait for them to run out', async () => {
  const memory = new MemoryLeases(clock)
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  const slow: LeaseStore = overriding(memory, {
    claim: async (claim: Parameters<LeaseStore['claim']>[0]) => {
      const held = await memory.claim(claim)
      asked.resolve()
      await answer.promise
      return held
    },
  })
  const runner = running(slow)
  await asked.promise
  const stopped = runner.stop()
  answer.resolve()
  await stopped
  const owners = (await memory.list()).map(({ owner }) => owner)
  expect(owners.length).toBeGreaterThan(0)
  expect(new Set(owners)).toEqual(new Set([undefined]))
})
