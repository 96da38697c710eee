-- What reactors gave up can be repeated: outcome 'repeat' until a worker has taken it, 'skipped' when a person let it be.

-- `repeats`: how often it was asked for. Place of the event, known once it was.
alter table $schema.reactor_ledger
  add column repeats integer not null default 0,
  add column position bigint,
  add column slot smallint;

create index reactor_ledger_open on $schema.reactor_ledger (reactor, at) where outcome in ('failed', 'repeat');
