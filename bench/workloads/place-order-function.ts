import type { StatementLoop } from '../engines/statement-loop.ts'
import type { OrderSystem } from './order-system.ts'

/**
 * The same write as the product's `placeOrder`, by hand: one call of a function that writes one order, its two lines, its
 * command record and its event, with a payload as long as the product's, into the same tables.
 */
const functionSql = `
create function place_order_by_hand(customer text, data json) returns uuid language plpgsql as $$
declare
  order_id uuid := gen_random_uuid();
  command uuid := gen_random_uuid();
  at timestamptz := clock_timestamp();
begin
  insert into orders (id, customer_id, status, currency, total_minor, version, placed_at)
    values (order_id, customer, 'placed', 'EUR', 6535, 1, at);
  insert into order_items (id, order_id, line, sku, seller_id, qty, qty_shipped, qty_cancelled, qty_cancel_requested, unit_minor, due_at)
    values (order_id || '/1', order_id, 1, 'LMP-1001', 'lumen-living', 2, 0, 0, 0, 1945, at + interval '3 days'),
           (order_id || '/2', order_id, 2, 'LMP-1011', 'lumen-living', 1, 0, 0, 0, 2645, at + interval '3 days');
  insert into tailrace.command_record (command_id, name, fingerprint, state, aggregate_id, version, slots)
    values (command, 'placeOrder', '', 'committed', order_id::text, 1, '{17}');
  insert into tailrace.event_log (version, command_id, slot, schema_version, ordinal, aggregatetype, aggregateid, type, payload)
    values (1, command, 17, 1, 0, 'order', order_id::text, 'OrderPlaced', data);
  return order_id;
end
$$`

/** Makes the function in the database of an order system, and the loop that calls it. */
export async function placeOrderByHand({
  write,
  placeOrder,
}: OrderSystem): Promise<Omit<StatementLoop, 'clients' | 'seconds'>> {
  const orderId = await placeOrder()
  const [event] = await write.rows<{ payload: string }>(
    `select payload::text from tailrace.event_log where aggregateid = '${orderId}'`,
  )
  await write.run(functionSql)
  return {
    url: write.url,
    sql: 'select place_order_by_hand(:customer, :payload)',
    values: { customer: 'c-1001', payload: event!.payload },
  }
}
