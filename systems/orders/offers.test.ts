import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addOffers, openOffers } from './offers-folder.ts'
import { offersOf, readOffers, writeOffers } from './offers.ts'
import { seededOffers } from './seeded-offers.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'offers-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('the seeded offers are a few hundred of a dozen sellers, each SKU once, the same at every start', () => {
  const { list, bySku } = seededOffers()
  expect(list.length).toBeGreaterThan(250)
  expect(bySku.size).toBe(list.length)
  expect(new Set(list.map(({ sellerId }) => sellerId)).size).toBe(12)
  expect(list).toEqual(seededOffers().list)
  expect(list.every(({ unitMinor }) => unitMinor > 0)).toBe(true)
})

test('a snapshot comes back from its file as it was written', () => {
  const path = join(folder, 'offers.json')
  writeOffers(path, seededOffers())
  expect(readOffers(path).list).toEqual(seededOffers().list)
})

test('a file that holds something else is refused with its place', () => {
  const path = join(folder, 'broken.json')
  writeFileSync(path, '[{"sku":"A","sellerId":"s","title":"T","currency":"EUR","unitMinor":-1}]')
  expect(() => readOffers(path)).toThrow(
    /broken.json to hold offers, got a problem at \/0\/unitMinor/,
  )
  writeFileSync(path, 'offers')
  expect(() => readOffers(path)).toThrow(/to hold offers as JSON/)
})

test('a new folder sells the seeded offers; added ones come beside them and win where both have a SKU', () => {
  const data = join(folder, 'data')
  expect(openOffers(data).list).toEqual(seededOffers().list)
  const [first] = seededOffers().list
  addOffers(
    data,
    offersOf([
      { ...first!, unitMinor: 1 },
      { ...first!, sku: '85123A' },
    ]),
  )
  // The pages show what a running process sells: nothing else until it is started again.
  expect(readOffers(join(data, 'public/offers.json')).bySku.has('85123A')).toBe(false)
  const offers = openOffers(data)
  expect(offers.bySku.get(first!.sku)?.unitMinor).toBe(1)
  expect(offers.list).toHaveLength(seededOffers().list.length + 1)
  expect(readOffers(join(data, 'public/offers.json')).list).toEqual(offers.list)
})
