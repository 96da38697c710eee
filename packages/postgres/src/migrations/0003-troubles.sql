-- What keeps those who work from going on, for everybody to see.

-- `trouble_of`: the owner who said it. Older code renews a lease without saying anything.
alter table $schema.lease
  add column trouble text,
  add column trouble_of text,
  add column failed boolean not null default false;

alter table $schema.sequencer add column trouble text;

-- Of the setting `failed_id` of the timer: how often its command has failed, and how it did last.
alter table $schema.timer
  add column failed_id uuid,
  add column failures integer not null default 0,
  add column error text;
