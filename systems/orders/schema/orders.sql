-- The write model: four tables, primary-key and foreign-key indexes only. Queries never come here.
-- Primary keys of child tables lead with their foreign key where they can, so that one index serves both.

create table if not exists orders (
  id uuid primary key,
  customer_id text not null,
  status text not null,
  currency text not null,
  total_minor bigint not null check (total_minor >= 0),
  version integer not null,
  placed_at timestamptz not null,
  expires_at timestamptz,
  paid_at timestamptz
);

-- For databases that were made without it. Asked first: "alter" waits for every reader, and makes every writer wait.
do $$ begin
  if not exists (
    select from pg_attribute where attrelid = 'orders'::regclass and attname = 'paid_at' and not attisdropped
  ) then
    alter table orders add column paid_at timestamptz;
  end if;
end $$;

-- `id` is "<order>/<line>": unique everywhere, and derivable from an event alone.
create table if not exists order_items (
  id text collate "C" primary key,
  order_id uuid not null references orders (id),
  line integer not null,
  sku text not null,
  seller_id text not null,
  qty integer not null check (qty > 0),
  qty_shipped integer not null check (qty_shipped >= 0),
  qty_cancelled integer not null check (qty_cancelled >= 0),
  qty_cancel_requested integer not null check (qty_cancel_requested >= 0),
  unit_minor bigint not null check (unit_minor >= 0),
  due_at timestamptz not null,
  check (qty_shipped + qty_cancelled <= qty)
);

create index if not exists order_items_order_id on order_items (order_id);

-- A payment's id is unique within its order: nobody can take another order's payment ids away.
create table if not exists payments (
  order_id uuid not null references orders (id),
  id uuid not null,
  method text not null,
  seq integer not null,
  amount_minor bigint not null check (amount_minor > 0),
  state text not null,
  paid_at timestamptz not null,
  primary key (order_id, id)
);

-- One row per shipment (or return) and line; the rows of one shipment share its `id`.
-- Of a return, `shipped_at` is when it was registered and `delivered_at` when it was handled.
create table if not exists shipments (
  order_item_id text collate "C" not null references order_items (id),
  id uuid not null,
  direction text not null check (direction in ('out', 'return')),
  qty integer not null check (qty > 0),
  carrier text,
  tracking text,
  reason text,
  outcome text,
  shipped_at timestamptz not null,
  delivered_at timestamptz,
  primary key (order_item_id, id)
);
