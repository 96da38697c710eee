import {
  aggregate,
  app,
  conflict,
  event,
  many,
  projection,
  query,
  reactor,
  rule,
  start,
  table,
  transactionalCommand,
} from 'tailrace'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Account, Opened } from '../../test/sample-accounts.ts'

// Declarations as they come from code that no compiler has seen: `any` is what makes them possible here.

// oxlint-disable-next-line typescript/no-explicit-any
type Loose = any

const id = z.object({ id: z.string() })
const accountSpec: Loose = {
  id: z.string(),
  rows: Account.rows,
  events: Account.events,
  write: { Opened: () => [], Entered: () => [] },
}
const commandSpec: Loose = {
  input: id,
  target: (input: { id: string }) => input.id,
  on: 'existing',
  may: 'anyone',
  decide: () => [],
}
const foldSpec: Loose = {
  version: 1,
  from: Account.events,
  document: id,
  key: (e: { stream: string }) => e.stream,
  on: { Opened: () => null },
  otherwise: 'ignore',
}
const querySpec: Loose = { input: id, reads: {}, may: 'anyone', run: async () => 1 }
const appSpec: Loose = { aggregates: { Account }, commands: {}, projections: {}, queries: {} }

type Case = readonly [mistake: string, declare: (spec: Loose) => unknown, message: string]

const commandOf = (spec: Loose) => () => Account.command('c', { ...commandSpec, ...spec })
const foldOf = (spec: Loose) => () => projection('p', { ...foldSpec, ...spec })
const accountOf = (spec: Loose) => () => aggregate('account', { ...accountSpec, ...spec })
const queryOf = (spec: Loose) => () => query('q', { ...querySpec, ...spec })
const appOf = (spec: Loose) => () => app({ ...appSpec, ...spec })
const loose: Loose = event

describe('a declaration that no compiler has seen', () => {
  test.each<Case>([
    [
      'an option of a command',
      commandOf({ rejects: {} }),
      'expected the options of command "c" to be input, target, on, may, rejections, exists, decide, examples, got "rejects"',
    ],
    ['an option of a fold', foldOf({ lookUp: {} }), 'got "lookUp"; did you mean "lookup"?'],
    [
      'an option of an aggregate',
      accountOf({ partitionby: () => '' }),
      'got "partitionby"; did you mean "partitionBy"?',
    ],
    ['an option of a query', queryOf({ freshnes: 1 }), 'did you mean "freshness"?'],
    ['a part of an application', appOf({ reactor: {} }), 'did you mean "reactors"?'],
    [
      'an option of a transactional command',
      () => transactionalCommand('t', { ...commandSpec, run: async () => undefined }),
      'got "on"',
    ],
    [
      'a policy',
      commandOf({ may: 'authentificated' }),
      'expected "may" of command "c", if no function, to be one of anyone, authenticated, system, got "authentificated"; did you mean "authenticated"?',
    ],
    [
      'whether a command is for a new aggregate',
      commandOf({ on: 'exists' }),
      'expected "on" of command "c" to be one of new, existing, either, got "exists"',
    ],
    ['a scope', foldOf({ scope: 'logs' }), 'got "logs"; did you mean "log"?'],
    [
      'an event that a reactor handles',
      () => reactor('r', { from: [Opened], on: { Opend: async () => undefined } as Loose }),
      'expected reactor "r" to handle events of its "from" list, got "Opend"; did you mean "Opened"?',
    ],
    [
      'an event that an aggregate writes',
      accountOf({ write: { ...accountSpec.write, Enterd: () => [] } }),
      'got "Enterd"; did you mean "Entered"?; add the event to events',
    ],
    [
      'the rejection for one that exists',
      commandOf({ rejections: { TAKEN: conflict() }, exists: 'TAKN' }),
      'expected "exists" of command "c" to name one of its rejections, got "TAKN"; did you mean "TAKEN"?',
    ],
  ])('says that %s is misspelt, and what it may be', (_, declare, message) => {
    expect(declare).toThrow(message)
  })

  test.each<Case>([
    [
      'a command without a policy',
      commandOf({ may: undefined }),
      'expected command "c" to have "may", got none',
    ],
    ['a command without rules', commandOf({ decide: undefined }), 'to have "decide", got none'],
    ['a fold without a document', foldOf({ document: undefined }), 'to have "document", got none'],
    ['an aggregate without writers', accountOf({ write: undefined }), 'to have "write", got none'],
    [
      'an application without queries',
      appOf({ queries: undefined }),
      'expected the application to have "queries", got none',
    ],
    [
      'a later version of an event without upcasters',
      () => loose('E', 2, id),
      'to have an upcaster from1, got none',
    ],
  ])('says what is missing: %s', (_, declare, message) => {
    expect(declare).toThrow(message)
  })

  test.each<Case>([
    [
      'bare properties instead of a schema',
      () => loose('E', { id: z.string() }),
      'expected the data of event "E" to be a Standard Schema, such as z.object({ … }), got an object',
    ],
    ['an event without a schema', () => loose('E'), 'to be a Standard Schema'],
    [
      'a version-less event with upcasters',
      () => loose('E', id, { from1: (old: unknown) => old }),
      'expected upcasters (none) for event "E", got "from1"',
    ],
    [
      'a table without a schema',
      () => (table as Loose)('t'),
      'expected the rows of table "t" to be a Standard Schema, such as z.object({ … }), got undefined',
    ],
    ['children without a schema', () => (many as Loose)('t', {}), 'the rows of table "t"'],
    [
      'input without a schema',
      commandOf({ input: { id: z.string() } }),
      'expected the input of command "c" to be a Standard Schema',
    ],
    [
      'one event instead of a list',
      foldOf({ from: Opened }),
      'expected "from" of projection "p" to be a list of events, got one event; write [ ] around it',
    ],
    [
      'an aggregate instead of its events',
      foldOf({ from: Account }),
      'to be a list of events, got an object',
    ],
    [
      'events by name',
      accountOf({ events: { Opened } }),
      'expected "events" of aggregate "account" to be a list of events, got an object',
    ],
    [
      'a rejection that was not made',
      commandOf({ rejections: { TAKEN: rule } }),
      'expected rejection TAKEN of command "c" to be rule() or conflict(), got a function',
    ],
    [
      'freshness by name',
      queryOf({ freshness: 'strict' }),
      'expected "freshness" of query "q" to be eventual(…), bounded(…) or strict(…), got a string',
    ],
    [
      'a query among the commands',
      appOf({ commands: { q: query('q', querySpec) } }),
      'expected "commands" of the application to hold commands, got query "q"',
    ],
    [
      'what an import of a cycle has not made yet',
      appOf({ queries: { q: undefined } }),
      'expected "queries" of the application to hold queries, got undefined',
    ],
  ])('says what was given instead: %s', (_, declare, message) => {
    expect(declare).toThrow(message)
  })

  test('starts with options that somebody reads', async () => {
    const starting = start(app(appSpec), { store: {} } as Loose)
    await expect(starting).rejects.toThrow(
      'expected the options of start(app, { … }) to be write, stores, bus, http, roles',
    )
  })
})
