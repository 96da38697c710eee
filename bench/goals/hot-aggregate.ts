import type { Lab } from '../engines/lab.ts'
import { runStatement, statementRunner } from '../engines/statement-loop.ts'
import type { Goal, Measured, PreparedGoal } from '../harness/goal.ts'
import { measuredLoop, withCpu } from '../harness/measured-window.ts'
import { sendAccepted, startSmallApp } from '../workloads/start-small-app.ts'

const ceilingClients = 32
const sku = 'everybody-wants-it'

/** Everybody reserves the same product: a row lock lets one in at a time, from its update to the end of its commit. */
export const hotAggregate: readonly Goal[] = [32, 256].map((callers) => ({
  id: `P3.${callers}`,
  name: `reserve one unit of one product, ${callers} callers`,
  unit: 'commands/s',
  target: 20,
  sense: 'at-least',
  ceilingName: `row lock: ${statementRunner}, one function call per command, ${ceilingClients} clients`,
  prepare: (lab) => prepare(lab, callers),
}))

/** The same write by hand: take the row, count down, record the command, append the event. */
const functionSql = `
create function reserve_by_hand(product text, units integer) returns integer language plpgsql as $$
declare
  left_over integer;
  at_version bigint;
  command uuid := gen_random_uuid();
begin
  update products set available = available - units, version = version + 1
    where id = product and available >= units
    returning available, version into strict left_over, at_version;
  insert into tailrace.command_record (command_id, name, fingerprint, state, aggregate_id, version, slots)
    values (command, 'reserve', '', 'committed', product, at_version, '{17}');
  insert into tailrace.event_log (version, command_id, slot, schema_version, ordinal, aggregatetype, aggregateid, type, payload)
    values (at_version, command, 17, 1, 0, 'product', product, 'StockReserved',
      json_build_object('quantity', units, 'available', left_over));
  return left_over;
end
$$`

async function prepare(lab: Lab, callers: number): Promise<PreparedGoal> {
  const { running, write } = await startSmallApp(lab)
  await write.run(`insert into products values ('${sku}', 1, 2000000000)`)
  await write.run(functionSql)
  return {
    product: () =>
      measuredLoop(lab.serverPids(), callers, lab.seconds, () =>
        sendAccepted(running, 'reserve', { sku, quantity: 1 }),
      ),
    async ceiling(): Promise<Measured> {
      const { perSecond, p50, p99, cpuUsPerOp } = await withCpu(lab.serverPids(), () =>
        runStatement({
          url: write.url,
          sql: 'select reserve_by_hand(:sku, :units)',
          values: { sku, units: '1' },
          clients: ceilingClients,
          seconds: lab.seconds,
        }),
      )
      return { value: perSecond, cpuUsPerOp, also: { p50, p99 } }
    },
    close: () => running.stop(),
  }
}
