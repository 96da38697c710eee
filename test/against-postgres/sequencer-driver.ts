import type { ActiveSequencer, SequencerCursor, SequencerStore } from 'tailrace/adapter'
import type { Step } from './history.ts'
import { errorText } from './session.ts'

/** The one sequencer, which takes a step when it is told to. */
export class SequencerDriver {
  readonly #active: ActiveSequencer
  #cursor: SequencerCursor
  #before: SequencerCursor
  pending = false

  private constructor(active: ActiveSequencer) {
    this.#active = active
    this.#cursor = active.cursor
    this.#before = active.cursor
  }

  static async open(store: SequencerStore): Promise<SequencerDriver> {
    const active = await store.acquire()
    if (active === undefined) throw new Error('expected the place of the sequencer, got none')
    return new SequencerDriver(active)
  }

  start(step: Extract<Step, { does: 'step' }>, told: (outcome: string) => void): void {
    this.pending = true
    const from = step.again ? this.#before : this.#cursor
    const end = (outcome: string): void => {
      this.pending = false
      told(`sequencer ${outcome}`)
    }
    this.#active.step(from, step.limit).then(
      ({ assigned, more, cursor }) => {
        this.#before = from
        this.#cursor = cursor
        end(`has assigned ${assigned}${more ? ', more are left' : ''}`)
      },
      (error: unknown) => end(errorText(error)),
    )
  }

  close(): Promise<void> {
    return this.#active.release()
  }
}
