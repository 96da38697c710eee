import { aggregate, app, conflict, event, many, projection, query, rule, table } from 'tailrace'
import { z } from 'zod'

// A small application for tests of surfaces: tickets with comments.

const TicketOpened = event(
  'TicketOpened',
  z.object({ ticketId: z.uuid(), owner: z.string(), title: z.string() }),
)
const CommentAdded = event(
  'CommentAdded',
  z.object({ ticketId: z.uuid(), comment: z.int(), text: z.string() }),
)
const TicketClosed = event('TicketClosed', z.object({ ticketId: z.uuid() }))

const TicketRow = z.object({
  id: z.uuid(),
  version: z.int(),
  owner: z.string(),
  title: z.string(),
  open: z.boolean(),
})
const CommentRow = z.object({ id: z.int(), text: z.string() })

export const Ticket = aggregate('ticket', {
  id: z.uuid(),
  rows: { ticket: table('tickets', TicketRow), comments: many('comments', CommentRow) },
  events: [TicketOpened, CommentAdded, TicketClosed],
  write: {
    TicketOpened: ({ data }, to) => [
      to.ticket.insert({ owner: data.owner, title: data.title, open: true }),
    ],
    CommentAdded: ({ data }, to) => [to.comments.insert({ id: data.comment, text: data.text })],
    TicketClosed: (_, to) => [to.ticket.update({ open: false })],
  },
})

const ticketId = '0190b0c0-0000-7000-8000-000000000001'
const ann = { role: 'customer', id: 'ann' }

export const openTicket = Ticket.command('openTicket', {
  input: z.object({
    ticketId: z.uuid(),
    title: z.string().min(1).max(200),
    labels: z
      .array(z.object({ name: z.string(), color: z.string().optional() }))
      .max(10)
      .optional(),
    priority: z.int().optional(),
  }),
  target: (input) => input.ticketId,
  on: 'new',
  may: 'authenticated',
  rejections: { TITLE_RUDE: rule(z.object({ word: z.string() })) },
  decide({ input, actor, reject }) {
    if (input.title.includes('damn')) return reject.TITLE_RUDE({ word: 'damn' })
    return TicketOpened({ ticketId: input.ticketId, owner: actor.id, title: input.title })
  },
  examples: [{ input: { ticketId, title: 'Broken lamp' }, as: ann }],
})

export const addComment = Ticket.command('addComment', {
  input: z.object({ ticketId: z.uuid(), text: z.string() }),
  target: (input) => input.ticketId,
  on: 'existing',
  may: ({ actor, rows }) => actor.role === 'support' || actor.id === rows.ticket.owner,
  rejections: { TICKET_CLOSED: conflict(), TOO_MANY: rule(z.object({ data: z.int() })) },
  decide({ input, rows, reject }) {
    if (!rows.ticket.open) return reject.TICKET_CLOSED()
    if (rows.comments.length >= 20) return reject.TOO_MANY({ data: 20 })
    return CommentAdded({
      ticketId: input.ticketId,
      comment: rows.comments.length + 1,
      text: input.text,
    })
  },
  examples: [{ input: { ticketId, text: 'It flickers' }, as: ann }],
})

export const closeTicket = Ticket.command('closeTicket', {
  input: z.object({ ticketId: z.uuid() }),
  target: (input) => input.ticketId,
  on: 'existing',
  may: ({ actor }) => actor.role === 'support',
  rejections: { TICKET_CLOSED: conflict() },
  decide: ({ input, rows, reject }) =>
    rows.ticket.open ? TicketClosed({ ticketId: input.ticketId }) : reject.TICKET_CLOSED(),
  examples: [{ input: { ticketId }, as: { role: 'support', id: 'sue' } }],
})

export const expireTicket = Ticket.command('expireTicket', {
  input: z.object({ ticketId: z.uuid() }),
  target: (input) => input.ticketId,
  on: 'existing',
  may: 'system',
  decide: ({ input }) => TicketClosed({ ticketId: input.ticketId }),
})

const TicketDocument = z.object({
  ticketId: z.uuid(),
  owner: z.string(),
  title: z.string(),
  open: z.boolean(),
  comments: z.array(z.string()),
})

export const Tickets = projection('tickets', {
  version: 1,
  from: Ticket.events,
  document: TicketDocument,
  key: (e) => e.stream,
  on: {
    TicketOpened: ({ data }) => ({
      ticketId: data.ticketId,
      owner: data.owner,
      title: data.title,
      open: true,
      comments: [],
    }),
    CommentAdded: ({ data }, doc) => doc && { ...doc, comments: [...doc.comments, data.text] },
    TicketClosed: (_, doc) => doc && { ...doc, open: false },
  },
})

export const Counts = projection('counts', {
  version: 1,
  from: Ticket.events,
  scope: 'log',
  document: z.object({ opened: z.int() }),
  key: () => 'all',
  on: { TicketOpened: (_, doc) => ({ opened: (doc?.opened ?? 0) + 1 }) },
  otherwise: 'ignore',
})

export const ticket = query('ticket', {
  input: z.object({ ticketId: z.uuid() }),
  output: TicketDocument.nullable(),
  reads: { tickets: Tickets },
  may: 'authenticated',
  run: async ({ tickets }, input, { actor }) => {
    const found = await tickets.get(input.ticketId)
    return found !== undefined && (actor.role === 'support' || found.owner === actor.id)
      ? found
      : null
  },
  examples: [{ input: { ticketId }, as: ann }],
})

export const counts = query('counts', {
  input: z.object({}),
  reads: { counts: Counts },
  may: 'anyone',
  run: async ({ counts: reader }) => (await reader.get('all')) ?? { opened: 0 },
  examples: [{ input: {} }],
})

export const ticketApp = app({
  aggregates: { Ticket },
  commands: { openTicket, addComment, closeTicket, expireTicket },
  projections: { Tickets, Counts },
  queries: { ticket, counts },
})
