import type { RelaySettings } from '../bus/relay.ts'
import type { ReactorSettings } from '../log/reactor-runner.ts'
import type { SequencerOptions } from '../log/sequencer-loop.ts'
import type { TimerSettings } from '../log/timer-role.ts'
import type { ProjectionWorkerOptions } from '../project/projection-worker.ts'
import type { ReadPathOptions } from '../read/read-path.ts'

/** Bounds and pauses of the parts of a process. The defaults fit most loads; each part says what its settings mean. */
export interface Tuning {
  readonly sequencer?: Pick<SequencerOptions, 'settings' | 'callTimeoutMs'>
  readonly worker?: Pick<
    ProjectionWorkerOptions,
    'ranges' | 'leaseTtlMs' | 'limits' | 'cacheDocuments' | 'build' | 'doubt'
  >
  readonly relay?: Partial<RelaySettings>
  readonly reactors?: Partial<ReactorSettings>
  readonly timers?: Partial<TimerSettings>
  readonly read?: Pick<ReadPathOptions, 'maxWaiters' | 'runMs'>
}
