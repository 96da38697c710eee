import { offersOf, type Offer, type Offers } from './offers.ts'

/** The shop of a fresh start: the same few hundred offers on every machine, made from words below without a random source. */

interface Shelf {
  readonly sellerId: string
  readonly prefix: string
  /** Price of the plainest variant, minor units. */
  readonly fromMinor: number
  readonly nouns: readonly string[]
  readonly variants: readonly string[]
}

const shelves: readonly Shelf[] = [
  {
    sellerId: 'lumen-living',
    prefix: 'LMP',
    fromMinor: 1_950,
    nouns: ['desk lamp', 'floor lamp', 'pendant light', 'reading light', 'bedside lamp'],
    variants: ['brass', 'matt black', 'white linen', 'smoked glass', 'oak'],
  },
  {
    sellerId: 'noord-keuken',
    prefix: 'KIT',
    fromMinor: 1_295,
    nouns: [
      'saucepan 1.5 l',
      'frying pan 24 cm',
      'stock pot 5 l',
      'kettle',
      'coffee press',
      'salad bowl',
    ],
    variants: ['stainless steel', 'cast iron', 'enamel red', 'enamel blue', 'copper'],
  },
  {
    sellerId: 'de-boekenkast',
    prefix: 'BOK',
    fromMinor: 895,
    nouns: ['notebook A5', 'sketchbook A4', 'week planner', 'address book', 'guest book'],
    variants: ['dotted', 'ruled', 'plain', 'linen cover', 'recycled paper'],
  },
  {
    sellerId: 'velo-stad',
    prefix: 'VEL',
    fromMinor: 1_495,
    nouns: [
      'bicycle light set',
      'pannier bag 20 l',
      'frame pump',
      'chain lock 90 cm',
      'saddle cover',
      'rain cape',
    ],
    variants: ['black', 'reflective', 'sand', 'forest green'],
  },
  {
    sellerId: 'groen-en-zo',
    prefix: 'GRN',
    fromMinor: 595,
    nouns: [
      'plant pot 14 cm',
      'hanging planter',
      'watering can 2 l',
      'herb growing kit',
      'bulb mix of 50',
      'garden trowel',
    ],
    variants: ['terracotta', 'stoneware grey', 'zinc', 'recycled plastic', 'bamboo'],
  },
  {
    sellerId: 'kleine-reus',
    prefix: 'KID',
    fromMinor: 990,
    nouns: [
      'stacking rings',
      'wooden train',
      'puzzle 48 pieces',
      'soft rabbit',
      'night light',
      'rain boots size 26',
    ],
    variants: ['pastel', 'forest animals', 'vehicles', 'ocean'],
  },
  {
    sellerId: 'tech-haven',
    prefix: 'TEC',
    fromMinor: 1_299,
    nouns: [
      'USB-C cable 2 m',
      'wall charger 65 W',
      'wireless mouse',
      'laptop stand',
      'webcam 1080p',
      'powerbank 10,000 mAh',
    ],
    variants: ['black', 'white', 'space grey', 'braided'],
  },
  {
    sellerId: 'zachte-slaap',
    prefix: 'BED',
    fromMinor: 2_495,
    nouns: [
      'duvet cover 140 × 200',
      'fitted sheet 160 × 200',
      'pillow 60 × 70',
      'throw 130 × 170',
      'bath towel 70 × 140',
    ],
    variants: ['washed cotton', 'percale white', 'linen sand', 'flannel grey', 'waffle'],
  },
  {
    sellerId: 'atelier-aarde',
    prefix: 'CER',
    fromMinor: 1_150,
    nouns: [
      'mug 30 cl',
      'dinner plate 27 cm',
      'espresso cup set of 4',
      'serving dish',
      'vase 22 cm',
    ],
    variants: ['speckled white', 'sea blue', 'charcoal', 'mustard', 'unglazed'],
  },
  {
    sellerId: 'buiten-bv',
    prefix: 'OUT',
    fromMinor: 1_790,
    nouns: [
      'head torch',
      'dry bag 15 l',
      'camping mug',
      'sleeping mat',
      'picnic blanket',
      'vacuum flask 0.75 l',
    ],
    variants: ['orange', 'olive', 'navy', 'ultralight'],
  },
  {
    sellerId: 'papier-fest',
    prefix: 'PRT',
    fromMinor: 295,
    nouns: [
      'bunting 5 m',
      'paper lanterns set of 6',
      'birthday candles set of 12',
      'gift wrap 3 rolls',
      'party bags set of 10',
      'greeting cards set of 8',
    ],
    variants: ['rainbow', 'retro spots', 'gold stars', 'vintage floral', 'kraft'],
  },
  {
    sellerId: 'klok-en-klank',
    prefix: 'CLK',
    fromMinor: 2_990,
    nouns: ['alarm clock', 'wall clock 30 cm', 'kitchen timer', 'record crate', 'portable radio'],
    variants: ['walnut', 'bakelike green', 'chrome', 'ivory'],
  },
]

const currency = 'EUR'

/** The offers of a fresh start. The first two are the ones that the documentation's examples order. */
export function seededOffers(): Offers {
  return offersOf(shelves.flatMap(offersOnShelf))
}

function offersOnShelf({ sellerId, prefix, fromMinor, nouns, variants }: Shelf): Offer[] {
  const offers: Offer[] = []
  for (const [n, noun] of nouns.entries()) {
    for (const [v, variant] of variants.entries()) {
      const title = `${noun[0]!.toUpperCase()}${noun.slice(1)}, ${variant}`
      const sku = `${prefix}-${1001 + n * 10 + v}`
      // Dearer nouns and variants further down the shelf; prices end in 5 or 9 as prices do.
      const unitMinor =
        Math.round((fromMinor * (1 + n * 0.35) * (1 + v * 0.15)) / 50) * 50 - (v % 2 === 0 ? 5 : 1)
      offers.push({ sku, sellerId, title, currency, unitMinor })
    }
  }
  return offers
}
