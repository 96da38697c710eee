import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { Currency, SellerId, Sku, UnitMinor, Words } from './write/fields.ts'

const Offer = z.strictObject({
  sku: Sku,
  sellerId: SellerId,
  title: Words(200),
  currency: Currency,
  unitMinor: UnitMinor,
})
const OffersFile = z.array(Offer).min(1).max(100_000)

/** What can be ordered, from whom and at which price. */
export type Offer = Readonly<z.infer<typeof Offer>>

/** A snapshot of offers: the data that `placeOrder` decides with. Never changed once made. */
export interface Offers {
  readonly list: readonly Offer[]
  readonly bySku: ReadonlyMap<string, Offer>
}

/** Makes a snapshot. Of two offers with one SKU the later one counts. */
export function offersOf(list: readonly Offer[]): Offers {
  const bySku = new Map(list.map((offer) => [offer.sku, Object.freeze({ ...offer })]))
  return Object.freeze({ list: Object.freeze([...bySku.values()]), bySku })
}

/** Reads a snapshot from its file. Throws an error that names the file and the offending place. */
export function readOffers(path: string): Offers {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new Error(`expected ${path} to hold offers as JSON, got: ${(error as Error).message}`, {
      cause: error,
    })
  }
  const parsed = OffersFile.safeParse(content)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new Error(
      `expected ${path} to hold offers, got a problem at /${issue?.path.join('/')}: ${issue?.message}`,
    )
  }
  return offersOf(parsed.data)
}

/** Writes a snapshot, in one step: a reader sees the old file or the new one. */
export function writeOffers(path: string, offers: Offers): void {
  const temporary = `${path}.${process.pid}.tmp`
  writeFileSync(
    temporary,
    `[\n${offers.list.map((offer) => JSON.stringify(offer)).join(',\n')}\n]\n`,
  )
  renameSync(temporary, path)
}
