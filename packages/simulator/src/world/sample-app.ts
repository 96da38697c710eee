import { app, type App } from 'tailrace'
import type { AnyProjectionDef } from 'tailrace/adapter'
import { sampleOrders, type Code, type SampleOrders } from './sample-orders.ts'
import { sampleProjections, sampleQueries, type Switches } from './sample-projections.ts'

export interface SampleApp {
  readonly app: App
  readonly orders: SampleOrders
  readonly projections: Readonly<Record<string, AnyProjectionDef>>
}

/** The application that the simulated processes run: code of a generation, with some of the read models. */
export function sampleApp(
  code: Code,
  version: number,
  used: ReadonlySet<string>,
  switches: Switches,
): SampleApp {
  const orders = sampleOrders(code, switches)
  const all = sampleProjections(orders, version, switches)
  const projections = Object.fromEntries(
    Object.entries(all).filter(([name]) => used.has(name)),
  ) as Record<string, AnyProjectionDef>
  const made = app({
    aggregates: { Order: orders.Order, Note: orders.Note },
    commands: orders.commands,
    projections,
    queries: sampleQueries(all, used),
    schedules: orders.schedules,
    reactors: orders.reactors,
  })
  return { app: made as unknown as App, orders, projections }
}
