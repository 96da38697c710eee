-- The read side's own tables: which versions exist, how far they are, and what is parked. The documents are in tables of
-- their own beside these, named `<projection>_v<version>`.

-- Raises the given SQLSTATE when a guard inside a statement did not hold; the whole statement is undone.
create function $schema.assert_rows(code text, what text, actual bigint, expected bigint) returns boolean
language plpgsql as $$
begin
  if actual is distinct from expected then
    raise exception using
      errcode = code,
      message = format('expected %s %s, got %s', expected, what, actual);
  end if;
  return true;
end
$$;

create table $schema.read_model (
  projection text primary key,
  live_version integer not null
);

-- `shape` says what the version's tables look like; other code must not write into them.
create table $schema.read_version (
  projection text not null,
  version integer not null,
  shape json not null,
  made_at timestamptz not null default clock_timestamp(),
  primary key (projection, version)
);

-- Moves in the transaction that writes the documents. Rewritten all the time: room on the page keeps it HOT.
create table $schema.checkpoint (
  position bigint not null,
  fence bigint not null,
  updated_at timestamptz not null default clock_timestamp(),
  version integer not null,
  range smallint not null,
  slot_from smallint not null,
  slot_to smallint not null,
  projection text not null,
  history text not null,
  primary key (projection, version, range)
) with (fillfactor = 20);

create table $schema.parked_key (
  since timestamptz not null default clock_timestamp(),
  version integer not null,
  attempts integer not null,
  projection text not null,
  key text not null,
  event_id text not null,
  type text not null,
  error text not null,
  primary key (projection, version, key)
);

create table $schema.parked_event (
  position bigint not null,
  version integer not null,
  projection text not null,
  key text not null,
  primary key (projection, version, key, position)
);
