import { aggregate, app, event, many, table } from 'tailrace'
import { z } from 'zod'

// Two aggregates: boxes with labels, whose codes are unique over all boxes, and cups.

export const boxesTables = `
  create table boxes (id text primary key, version bigint not null);
  create table labels (code text primary key, box_id text not null references boxes);
  create index labels_box on labels (box_id);
  create table cups (id text primary key, version bigint not null);`

const Changed = event('Changed', z.object({}))
const Filled = event('Filled', z.object({}))
const Root = z.object({ id: z.string(), version: z.int() })

export const Box = aggregate('box', {
  id: z.string(),
  rows: {
    box: table('boxes', Root),
    labels: many('labels', z.object({ code: z.string(), boxId: z.string() }), ['code']),
  },
  events: [Changed],
  write: { Changed: () => [] },
})

export const Cup = aggregate('cup', {
  id: z.string(),
  rows: { cup: table('cups', Root) },
  events: [Filled],
  write: { Filled: () => [] },
})

export const boxesApp = app({
  aggregates: { Box, Cup },
  commands: {},
  projections: {},
  queries: {},
})
