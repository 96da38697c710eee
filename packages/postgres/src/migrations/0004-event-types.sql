-- What an application that changes is compared with: the event types of the log, and those that read models handle.

-- Every type and version that the log may hold; noted before the first event of it is recorded. A log of millions of events is
-- not asked for its types: it has no index by them.
create table $schema.event_type (
  type text not null,
  schema_version smallint not null,
  noted_at timestamptz not null default clock_timestamp(),
  primary key (type, schema_version)
);

insert into $schema.event_type (type, schema_version)
select distinct type, schema_version from $schema.event_log;

-- The event types that a version of a read model handles, as of its first start. Its number stands for them.
create table $schema.projection_version (
  projection text not null,
  version integer not null,
  types text[] not null,
  noted_at timestamptz not null default clock_timestamp(),
  primary key (projection, version)
);

-- The event types that a reactor handles, as of the last start of a process with it.
create table $schema.reactor_types (
  reactor text primary key,
  types text[] not null,
  noted_at timestamptz not null default clock_timestamp()
);
