import { expect, test } from 'vitest'
import type { SequencerCursor, SequencerStep } from '../ports/event-log.ts'
import {
  firstTransition,
  sequencerDefaults as settings,
  transition,
  type Moment,
  type SequencerInput,
  type SequencerState,
  type Transition,
} from './sequencer-state.ts'

const cursor: SequencerCursor = { position: 5n, lo: '10:10:', hi: undefined, afterId: 0n }
const moved: SequencerCursor = { ...cursor, position: 7n }
const moment: Moment = { monotonicMs: 1_000, random: 0.5 }
const found: SequencerStep = { assigned: 2, cursor: moved, more: false }
const nothing: SequencerStep = { assigned: 0, cursor, more: false }

const seeking: SequencerState = { kind: 'seeking', failures: 0 }
const active: SequencerState = {
  kind: 'active',
  cursor,
  idleSteps: 0,
  maintainedAtMs: 900,
  failures: 0,
}

const on = (state: SequencerState, input: SequencerInput, at: Partial<Moment> = {}): Transition =>
  transition(state, input, settings, { ...moment, ...at })

// Every state with every input: [next state, action].
type Cells = Record<
  SequencerState['kind'],
  Record<SequencerInput['kind'], readonly [SequencerState['kind'], Transition['action']['kind']]>
>
const table: Cells = {
  seeking: {
    acquired: ['active', 'step'],
    occupied: ['seeking', 'pause'],
    stepped: ['seeking', 'acquire'],
    maintained: ['seeking', 'acquire'],
    woken: ['seeking', 'acquire'],
    fenced: ['seeking', 'pause'],
    failed: ['seeking', 'pause'],
    stop: ['stopped', 'end'],
  },
  active: {
    acquired: ['active', 'step'],
    occupied: ['active', 'step'],
    stepped: ['active', 'pause'],
    maintained: ['active', 'step'],
    woken: ['active', 'step'],
    fenced: ['seeking', 'pause'],
    failed: ['seeking', 'pause'],
    stop: ['stopped', 'end'],
  },
  stopped: {
    acquired: ['stopped', 'end'],
    occupied: ['stopped', 'end'],
    stepped: ['stopped', 'end'],
    maintained: ['stopped', 'end'],
    woken: ['stopped', 'end'],
    fenced: ['stopped', 'end'],
    failed: ['stopped', 'end'],
    stop: ['stopped', 'end'],
  },
}
const states: Record<SequencerState['kind'], SequencerState> = {
  seeking,
  active,
  stopped: { kind: 'stopped' },
}
const inputs: Record<SequencerInput['kind'], SequencerInput> = {
  acquired: { kind: 'acquired', cursor },
  occupied: { kind: 'occupied' },
  stepped: { kind: 'stepped', step: found },
  maintained: { kind: 'maintained' },
  woken: { kind: 'woken' },
  fenced: { kind: 'fenced' },
  failed: { kind: 'failed' },
  stop: { kind: 'stop' },
}

test('has an answer in every state to every input', () => {
  const answers = Object.entries(table).map(([state, row]) => [
    state,
    Object.fromEntries(
      Object.keys(row).map((input) => {
        const next = on(
          states[state as SequencerState['kind']],
          inputs[input as SequencerInput['kind']],
        )
        return [input, [next.state.kind, next.action.kind]]
      }),
    ),
  ])
  expect(Object.fromEntries(answers)).toEqual(table)
})

test('begins by asking for the place', () => {
  expect(firstTransition).toEqual({ state: seeking, action: { kind: 'acquire' } })
})

test('steps from the cursor that it took over, and then from where each step ended', () => {
  const taken = on(seeking, { kind: 'acquired', cursor })
  expect(taken.action).toEqual({ kind: 'step', cursor, limit: 10_000 })
  const stepped = on(taken.state, { kind: 'stepped', step: found })
  expect(on(stepped.state, { kind: 'woken' }).action).toEqual({
    kind: 'step',
    cursor: moved,
    limit: 10_000,
  })
})

test('goes on at once within a backlog', () => {
  const next = on(active, { kind: 'stepped', step: { ...found, more: true } })
  expect(next.action).toEqual({ kind: 'step', cursor: moved, limit: 10_000 })
})

test('polls ever more slowly while it finds nothing, and at once fast again', () => {
  let { state } = on(active, { kind: 'stepped', step: found })
  const pauses: number[] = []
  for (let i = 0; i < 9; i++) {
    const next = on(state, { kind: 'stepped', step: nothing })
    ;({ state } = next)
    if (next.action.kind === 'pause') pauses.push(next.action.ms)
    expect(next.action).toMatchObject({ kind: 'pause', doorbell: true })
  }
  expect(pauses).toEqual([10, 20, 40, 50, 50, 50, 50, 50, 50])
  expect(on(state, { kind: 'stepped', step: found }).action).toMatchObject({ kind: 'pause', ms: 5 })
})

test('says once a second that it is alive, also in the middle of a backlog', () => {
  const later = { monotonicMs: 1_900 }
  const due = on(active, { kind: 'stepped', step: { ...found, more: true } }, later)
  expect(due.action).toEqual({ kind: 'maintain' })
  const after = on(due.state, { kind: 'maintained' }, later)
  expect(after.action).toEqual({ kind: 'step', cursor: moved, limit: 10_000 })
  expect(on(after.state, { kind: 'woken' }, { monotonicMs: 2_899 }).action.kind).toBe('step')
  expect(on(after.state, { kind: 'woken' }, { monotonicMs: 2_900 }).action.kind).toBe('maintain')
})

test('spares a failing server: pauses double up to a bound and the doorbell does not end them', () => {
  let state: SequencerState = active
  const pauses: number[] = []
  for (let i = 0; i < 10; i++) {
    const next: Transition = on(state, { kind: 'failed' }, { random: 1 })
    ;({ state } = next)
    expect(next.action).toMatchObject({ kind: 'pause', doorbell: false })
    if (next.action.kind === 'pause') pauses.push(next.action.ms)
  }
  expect(pauses).toEqual([50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000])
  expect(on(active, { kind: 'failed' }, { random: 0 }).action).toMatchObject({ ms: 25 })
})

test('a place that is lost with each step is asked for ever more rarely, until a step succeeds', () => {
  const failed = on(active, { kind: 'failed' }).state
  const again = on(failed, { kind: 'acquired', cursor }).state
  expect(again).toMatchObject({ kind: 'active', failures: 1 })
  expect(on(again, { kind: 'failed' }).state).toMatchObject({ failures: 2 })
  expect(on(again, { kind: 'stepped', step: nothing }).state).toMatchObject({ failures: 0 })
})
