import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { validateNow } from 'tailrace/adapter'
import { ordersApp } from '../app.ts'
import { survey } from './retail-offers.ts'
import { retailFile, retailRows } from './retail-rows.ts'
import { runImport } from './run-import.ts'

// The data set lies beside the checkout, with its licence; it is never part of it.
const folder = join(import.meta.dirname, '../../../../shared/data/online-retail')
const missing = !existsSync(join(folder, retailFile))
if (missing)
  console.log(
    `not run: online-retail is not at ../shared/data/online-retail; its import is tested on made rows only`,
  )

test.skipIf(missing)(
  'the whole online-retail set is planned: totals equal the oracles, every row accounted for, every input valid',
  { timeout: 180_000 },
  async () => {
    const { rows, offers } = await survey(retailRows(folder))
    expect(rows).toBe(541_909)
    expect(offers.list).toHaveLength(4_070)
    const { commands } = ordersApp({ offers })
    const sent: Record<string, number> = {}
    let linesMax = 0
    const summary = await runImport({
      folder,
      send: async (command, _key, input) => {
        sent[command] = (sent[command] ?? 0) + 1
        expect(validateNow(commands[command as keyof typeof commands].input, input)).toMatchObject({
          ok: true,
        })
        if (command === 'placeOrder')
          linesMax = Math.max(linesMax, (input as { items: unknown[] }).items.length)
        return { ok: true }
      },
      onRejected: () => undefined,
    })
    expect(summary).toMatchObject({
      rows: 541_909,
      invoices: 25_900,
      gross: '10655622.484',
      credits: '-896812.49',
      badDebt: '-11062.06',
      rejected: { BAD_DEBT: 3, STOCK_ADJUSTMENT: 2_475, UNMATCHED_CREDIT: 1_770 },
    })
    expect(summary.accepted + 3 + 2_475 + 1_770).toBe(summary.rows)
    expect(linesMax).toBe(1_114)
    expect(sent).toEqual({ placeOrder: 19_963, registerPayment: 19_959, cancelItems: 4_614 })
  },
)
