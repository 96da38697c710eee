import { expect, test } from 'vitest'
import { checkCommands } from './check-commands.ts'
import { checkLog } from './check-log.ts'
import { checkReadModel } from './check-read-models.ts'
import { checkReads, type ReadEvidence } from './check-reads.ts'
import type { CommandOperation, LoggedEvent, QueryOperation, Violation } from './history.ts'

function logged(position: number, stream: string, version: number, commandId: string): LoggedEvent {
  return {
    position: BigInt(position),
    aggregate: 'thing',
    stream,
    version,
    type: 'Happened',
    schemaVersion: 1,
    data: {},
    commandId,
    ordinal: 1,
    slot: 0,
    at: '2026-01-01T00:00:00.000Z',
    committedAtMs: position * 10,
  }
}

const log = [logged(1, 'a', 1, 'c1'), logged(2, 'b', 1, 'c2'), logged(3, 'a', 2, 'c3')]
const invariants = (violations: readonly Violation[]): string[] =>
  violations.map(({ invariant }) => invariant)

test('a gap, a repetition and a swap in the log are seen', () => {
  const ends = (): boolean => false
  expect(checkLog(log, ends)).toEqual([])
  expect(invariants(checkLog([log[0]!, logged(2, 'a', 3, 'c9')], ends))).toEqual(['I5'])
  expect(invariants(checkLog([log[0]!, logged(2, 'a', 2, 'c1')], ends))).toEqual(['I4'])
  expect(invariants(checkLog([log[1]!, log[0]!], ends))).toEqual(['I7'])
})

function sent(over: Partial<CommandOperation>): CommandOperation {
  return {
    kind: 'command',
    session: 's',
    name: 'do',
    key: 'k',
    input: 'i',
    invokedAt: 0,
    endedAt: 1,
    outcome: { kind: 'ok', commandId: 'c1', stream: 'a', version: 1, token: '' },
    ...over,
  }
}

test('commands that were answered and are not there, twice there, or answered in two ways are seen', () => {
  const committed = (aggregateId: string, version: number) =>
    ({ state: 'committed', aggregateId, version, code: undefined }) as const
  const records = new Map([
    ['c1', committed('a', 1)],
    ['c2', committed('b', 1)],
    ['c3', committed('a', 2)],
  ])
  const check = (...operations: CommandOperation[]): string[] =>
    invariants(checkCommands({ operations, log, records, takenBack: new Set() }))
  expect(check(sent({}), sent({ invokedAt: 2, endedAt: 3 }))).toEqual([])
  expect(check(sent({ outcome: { kind: 'info', error: 'lost' } }))).toEqual([])
  const gone = { kind: 'ok', commandId: 'c9', stream: 'a', version: 1, token: '' } as const
  expect(check(sent({ outcome: gone }))).toEqual(['I2'])
  expect(check(sent({}), sent({ input: 'other' }))).toEqual(['I4'])
  const refused = { kind: 'refused', code: 'NOT_FOUND', commandId: 'c1' } as const
  expect(check(sent({}), sent({ invokedAt: 2, outcome: refused }))).toEqual(['I4'])
  expect(check(sent({ outcome: refused }))).toEqual(['I4'])
  expect(
    invariants(checkCommands({ operations: [], log, records: new Map(), takenBack: new Set() })),
  ).toEqual(['I1', 'I1', 'I1'])
})

test('a read model that lacks, has too much or differs is seen', () => {
  const wanted = new Map([['a', '1']])
  expect(checkReadModel('m', new Map([['a', '1']]), wanted)).toEqual([])
  for (const found of [new Map(), new Map([['a', '2']])])
    expect(invariants(checkReadModel('m', found, wanted))).toEqual(['I20'])
  expect(invariants(checkReadModel('m', new Map([...wanted, ['b', '']]), wanted))).toEqual(['I20'])
})

type Answer = Extract<QueryOperation['outcome'], { kind: 'answer' }>

function asked(text: string | null, over: Partial<Answer> = {}, at = 100): QueryOperation {
  return {
    kind: 'query',
    session: 's',
    query: 'q',
    projection: 'm',
    key: 'a',
    withTokens: true,
    strict: false,
    waitMs: 0,
    invokedAt: at,
    endedAt: at + 1,
    outcome: {
      kind: 'answer',
      document: text === null ? null : { text, generation: 1 },
      position: 0n,
      asOfMs: 0,
      stale: false,
      behindToken: false,
      parked: false,
      tookMs: 1,
      stoodStill: false,
      ...over,
    },
  }
}

function reads(operations: ReadEvidence['operations']): string[] {
  return invariants(
    checkReads({
      operations,
      log,
      statesOf: () => [
        { position: 0n, text: null },
        { position: 1n, text: 'one' },
        { position: 3n, text: 'two' },
      ],
      generations: [1],
      forgotten: [],
      excused: () => false,
      databaseMs: (at) => at,
      answerWithinMs: 50,
    }),
  )
}

test('answers that no log explains, that are older than they say, or late are seen', () => {
  expect(reads([asked('one'), asked('two')])).toEqual([])
  expect(reads([asked('three')])).toEqual(['I17'])
  expect(reads([asked('one', { position: 2n })])).toEqual([])
  expect(reads([asked('one', { position: 3n })])).toEqual(['I17'])
  expect(reads([asked(null, { asOfMs: 11 })])).toEqual(['I17'])
  expect(reads([asked('one', { tookMs: 51 })])).toEqual(['I18'])
  expect(reads([{ ...asked('one'), strict: true }])).toEqual(['I13'])
})

test('an answer without what its session wrote or saw before is seen', () => {
  expect(reads([sent({}), asked(null)])).toEqual(['I13'])
  expect(reads([sent({ endedAt: 200 }), asked(null)])).toEqual([])
  expect(reads([sent({}), asked(null, { behindToken: true })])).toEqual([])
  expect(reads([asked('two'), asked('one', {}, 200)])).toEqual(['I14'])
  expect(reads([asked('two'), { ...asked('one', {}, 200), withTokens: false }])).toEqual([])
})
