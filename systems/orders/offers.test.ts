import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withImported } from './import/retail-offers.ts'
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

test('imported offers come beside the seeded ones and win where both have a SKU', () => {
  const [first] = seededOffers().list
  const imported = offersOf([
    { ...first!, unitMinor: 1 },
    { ...first!, sku: '85123A' },
  ])
  const both = withImported(seededOffers(), imported)
  expect(both.bySku.get(first!.sku)?.unitMinor).toBe(1)
  expect(both.list).toHaveLength(seededOffers().list.length + 1)
})
