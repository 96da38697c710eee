import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { offersOf, readOffers, writeOffers, type Offers } from './offers.ts'
import { seededOffers } from './seeded-offers.ts'

/** Reads the offers of a data folder; a new folder gets the seeded ones. The pages get a copy of what the process has read. */
export function openOffers(dataDir: string): Offers {
  const path = offersFile(dataDir)
  if (!existsSync(path)) writeOffers(path, seededOffers())
  const offers = readOffers(path)
  const shown = join(publicFolder(dataDir), 'offers.json')
  writeOffers(shown, offers)
  // Thousands of offers are half a megabyte, and a phone loads them, too.
  writeFileSync(`${shown}.gz`, gzipSync(readFileSync(shown)))
  return offers
}

/** Adds offers to a data folder. Of one SKU the added one counts. Processes that are running keep what they have read. */
export function addOffers(dataDir: string, added: Offers): Offers {
  const path = offersFile(dataDir)
  const offers = offersOf([
    ...(existsSync(path) ? readOffers(path) : seededOffers()).list,
    ...added.list,
  ])
  writeOffers(path, offers)
  return offers
}

/** The folder with what the pages may fetch. */
export function publicFolder(dataDir: string): string {
  const folder = join(dataDir, 'public')
  mkdirSync(folder, { recursive: true })
  return folder
}

function offersFile(dataDir: string): string {
  mkdirSync(dataDir, { recursive: true })
  return join(dataDir, 'offers.json')
}
