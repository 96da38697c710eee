import type { SequencerCursor, SequencerStep } from '../ports/event-log.ts'

// What the sequencer does next, without doing it:
//
//   seeking ──acquired──▶ active ──fenced, failed──▶ seeking ──stop──▶ stopped
//      ▲ │                 ▲  │
//      └─┘ occupied,       └──┘ stepped, maintained, woken
//          failed, woken

export type SequencerState =
  /** Wants the one place. */
  | { readonly kind: 'seeking'; readonly failures: number }
  /** Has it. `idleSteps`: how many steps in a row found nothing. */
  | {
      readonly kind: 'active'
      readonly cursor: SequencerCursor
      readonly idleSteps: number
      readonly maintainedAtMs: number
      readonly failures: number
    }
  | { readonly kind: 'stopped' }

export type SequencerInput =
  | { readonly kind: 'acquired'; readonly cursor: SequencerCursor }
  /** Another sequencer has the place. */
  | { readonly kind: 'occupied' }
  | { readonly kind: 'stepped'; readonly step: SequencerStep }
  | { readonly kind: 'maintained' }
  /** A pause is over, by time or by the doorbell. */
  | { readonly kind: 'woken' }
  /** Another sequencer moved the cursor. */
  | { readonly kind: 'fenced' }
  | { readonly kind: 'failed' }
  | { readonly kind: 'stop' }

export type SequencerAction =
  | { readonly kind: 'acquire' }
  | { readonly kind: 'step'; readonly cursor: SequencerCursor; readonly limit: number }
  | { readonly kind: 'maintain' }
  /** The doorbell ends a pause at once, except one that is meant to spare a failing server. */
  | { readonly kind: 'pause'; readonly ms: number; readonly doorbell: boolean }
  | { readonly kind: 'end' }

export interface SequencerSettings {
  /** Events per step. Default: 10,000. */
  readonly limit: number
  /**
   * First pause after a step; it doubles with each step that finds nothing. Default: 5 ms: commits ring, here and from
   * other processes; polling is for rings that were lost.
   */
  readonly idleMinMs: number
  /** Longest pause of an idle sequencer. Default: 50 ms. */
  readonly idleMaxMs: number
  /** Default: 1,000 ms. */
  readonly maintainEveryMs: number
  /** How often a place that is taken is asked for. Default: 500 ms. */
  readonly seekEveryMs: number
  /** First and longest pause after failures. Default: 50 ms and 5,000 ms. */
  readonly retryMinMs: number
  readonly retryMaxMs: number
}

export const sequencerDefaults: SequencerSettings = {
  limit: 10_000,
  idleMinMs: 5,
  idleMaxMs: 50,
  maintainEveryMs: 1_000,
  seekEveryMs: 500,
  retryMinMs: 50,
  retryMaxMs: 5_000,
}

/** Time and chance at the moment of a transition. */
export interface Moment {
  readonly monotonicMs: number
  readonly random: number
}

export interface Transition {
  readonly state: SequencerState
  readonly action: SequencerAction
}

export const firstTransition: Transition = {
  state: { kind: 'seeking', failures: 0 },
  action: { kind: 'acquire' },
}

/** The next state and what to do in it. Total: an input that a state cannot have changes nothing but goes on. */
export function transition(
  state: SequencerState,
  input: SequencerInput,
  settings: SequencerSettings,
  moment: Moment,
): Transition {
  if (input.kind === 'stop' || state.kind === 'stopped')
    return { state: { kind: 'stopped' }, action: { kind: 'end' } }
  if (state.kind === 'seeking') return whileSeeking(state, input, settings, moment)
  return whileActive(state, input, settings, moment)
}

type Seeking = Extract<SequencerState, { kind: 'seeking' }>
type Active = Extract<SequencerState, { kind: 'active' }>

function whileSeeking(
  state: Seeking,
  input: SequencerInput,
  settings: SequencerSettings,
  moment: Moment,
): Transition {
  switch (input.kind) {
    case 'acquired':
      // Failures count on until a step succeeds: a place that is lost with each step is asked for ever more rarely.
      return onward(
        {
          kind: 'active',
          cursor: input.cursor,
          idleSteps: 0,
          maintainedAtMs: moment.monotonicMs,
          failures: state.failures,
        },
        settings,
        moment,
      )
    case 'occupied':
      return { state: { kind: 'seeking', failures: 0 }, action: pauseToSeek(settings, moment) }
    case 'failed':
      return afterFailure(state.failures, settings, moment)
    case 'fenced':
      return { state, action: pauseToSeek(settings, moment) }
    default:
      return { state, action: { kind: 'acquire' } }
  }
}

function whileActive(
  state: Active,
  input: SequencerInput,
  settings: SequencerSettings,
  moment: Moment,
): Transition {
  switch (input.kind) {
    case 'stepped':
      return afterStep(state, input.step, settings, moment)
    case 'maintained':
      return onward({ ...state, maintainedAtMs: moment.monotonicMs }, settings, moment)
    case 'fenced':
      return { state: { kind: 'seeking', failures: 0 }, action: pauseToSeek(settings, moment) }
    case 'failed':
      return afterFailure(state.failures, settings, moment)
    default:
      return onward(state, settings, moment)
  }
}

function afterStep(
  state: Active,
  step: SequencerStep,
  settings: SequencerSettings,
  moment: Moment,
): Transition {
  const idleSteps = step.assigned > 0 ? 0 : state.idleSteps + 1
  const next: Active = { ...state, cursor: step.cursor, idleSteps, failures: 0 }
  if (step.more || maintenanceIsDue(next, settings, moment)) return onward(next, settings, moment)
  const ms = Math.min(settings.idleMaxMs, settings.idleMinMs * 2 ** Math.min(idleSteps, 30))
  return { state: next, action: { kind: 'pause', ms, doorbell: true } }
}

/** Maintenance when it is due, also within a backlog; else the next step. */
function onward(state: Active, settings: SequencerSettings, moment: Moment): Transition {
  const due = maintenanceIsDue(state, settings, moment)
  return {
    state,
    action: due
      ? { kind: 'maintain' }
      : { kind: 'step', cursor: state.cursor, limit: settings.limit },
  }
}

function maintenanceIsDue(state: Active, settings: SequencerSettings, moment: Moment): boolean {
  return moment.monotonicMs - state.maintainedAtMs >= settings.maintainEveryMs
}

/** Others that wait for the place do not all ask at the same moment. */
function pauseToSeek(settings: SequencerSettings, { random }: Moment): SequencerAction {
  return { kind: 'pause', ms: settings.seekEveryMs * (0.75 + random / 2), doorbell: false }
}

function afterFailure(
  failures: number,
  settings: SequencerSettings,
  { random }: Moment,
): Transition {
  const most = Math.min(settings.retryMaxMs, settings.retryMinMs * 2 ** Math.min(failures, 30))
  return {
    state: { kind: 'seeking', failures: failures + 1 },
    action: { kind: 'pause', ms: most * (0.5 + random / 2), doorbell: false },
  }
}
