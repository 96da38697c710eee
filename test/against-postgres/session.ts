import {
  isTailraceError,
  WriteConflict,
  WriteFailed,
  type AggregateRows,
  type WriteBatch,
  type WriteStore,
  type WriteTransaction,
} from 'tailrace/adapter'
import { aggregateOf, batchOf, type Step } from './history.ts'

type End = { readonly commit: WriteBatch | undefined; readonly value: string }

interface Conversation {
  readonly tx: WriteTransaction
  readonly resolve: (end: End) => void
  readonly reject: (error: unknown) => void
  /** How it ended. */
  readonly over: Promise<string>
}

/** One client of a write store, which does one thing after the other. */
export class Session {
  readonly name: string
  readonly #store: WriteStore
  #conversation: Conversation | undefined
  #busy = 0
  /** Whether it waits for an answer. */
  pending = false
  /** Its process is gone: it hears nothing any more. */
  vanished = false

  constructor(name: string, store: WriteStore) {
    this.name = name
    this.#store = store
  }

  /** Whether its conversation has not ended, also with nobody to hear of it. */
  get isBusy(): boolean {
    return this.#busy > 0
  }

  get isOpen(): boolean {
    return this.#conversation !== undefined
  }

  /** Begins what the step says; `told` hears how it ended. A step that makes no sense here is passed over. */
  start(step: Step, told: (outcome: string) => void): void {
    const doing = this.pending || this.vanished ? undefined : this.#do(step)
    if (doing === undefined) return
    this.pending = true
    this.#busy++
    const end = (outcome: string): void => {
      this.pending = false
      this.#busy--
      if (!this.vanished) told(`${this.name} ${outcome}`)
    }
    doing.then(end, (error: unknown) => end(errorText(error)))
  }

  /** Lets go of what it has open. */
  close(): void {
    this.#conversation?.reject(new Error('closed'))
    this.#conversation = undefined
  }

  #do(step: Step): Promise<string> | undefined {
    const conversation = this.#conversation
    if (conversation !== undefined) return this.#inConversation(conversation, step)
    switch (step.does) {
      case 'load':
        return this.#load(step.ids)
      case 'commit':
        return this.#store.commit(batchOf(step.entry)).then(() => 'has committed')
      case 'commit each':
        return this.#store.commitEach(step.entries.map(batchOf)).then(({ failures }) => {
          const each = failures.map((failure) =>
            failure === undefined ? 'ok' : errorText(failure),
          )
          return `has committed: ${each.join(' | ')}`
        })
      case 'begin':
        return this.#begin()
      default:
        return undefined
    }
  }

  #inConversation(
    { tx, resolve, reject, over }: Conversation,
    step: Step,
  ): Promise<string> | undefined {
    const or = (doing: Promise<string>): Promise<string> =>
      doing.catch((error: unknown) => {
        this.#conversation = undefined
        reject(error)
        return over
      })
    switch (step.does) {
      case 'lock':
        return or(
          tx
            .lock({ aggregate: aggregateOf(step.id), id: step.id })
            .then((rows) => `has locked ${rowsText(step.id, rows)}`),
        )
      case 'write':
        return or(tx.write(batchOf(step.entry)).then(() => 'has written'))
      case 'finish':
      case 'roll back':
        this.#conversation = undefined
        resolve({ commit: step.does === 'finish' ? batchOf(step.entry) : undefined, value: '' })
        return over
      default:
        return undefined
    }
  }

  #begin(): Promise<string> {
    return new Promise((begun) => {
      const end = Promise.withResolvers<End>()
      const over = this.#store
        .transaction((tx) => {
          this.#conversation = { tx, resolve: end.resolve, reject: end.reject, over }
          begun('has begun')
          return end.promise
        })
        .then(
          ({ committed }) => (committed === undefined ? 'has rolled back' : 'has committed'),
          errorText,
        )
      this.#busy++
      void over.then((outcome) => {
        this.#busy--
        begun(outcome)
      })
    })
  }

  async #load(ids: readonly string[]): Promise<string> {
    const keys = ids.map((id) => ({ aggregate: aggregateOf(id), id }))
    const { aggregates } = await this.#store.load(keys, [])
    return `has loaded ${ids.map((id, i) => rowsText(id, aggregates[i])).join(', ')}`
  }
}

export function errorText(error: unknown): string {
  if (error instanceof WriteConflict) return `lost a race: ${error.kind}`
  if (error instanceof WriteFailed)
    return error.timerGone ? 'was refused: its timer is gone' : `was refused: ${error.sqlState}`
  return isTailraceError(error) ? error.code : String(error)
}

function rowsText(id: string, rows: AggregateRows | undefined): string {
  if (rows === undefined) return `no ${id}`
  const labels = rows.children['labels']?.map((row) => String(row['code'])) ?? []
  return [`${id}@${String(rows.root['version'])}`, ...labels.toSorted()].join(' ')
}
