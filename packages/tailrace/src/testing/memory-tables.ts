import type { AnyAggregate } from '../declare/aggregate.ts'
import type { TableSet } from '../declare/rows.ts'
import {
  WriteConflict,
  WriteFailed,
  type AggregateRows,
  type CommandRecord,
  type EventToAppend,
  type Row,
  type RowChange,
  type TimerToWrite,
  type WriteBatch,
} from '../ports/write-store.ts'
import { keyText, placeOf } from '../write/row-key.ts'
import { asJson, asRow } from './storable.ts'

/** An event in the order of commit. */
export interface MemoryEvent extends EventToAppend {
  readonly xid: string
  readonly at: string
}

interface MutableRows {
  root: Row | undefined
  readonly children: Record<string, Row[]>
}

/** The tables of a memory store, with an undo log: a failed batch leaves no trace. Rows are never changed in place. */
export class MemoryTables {
  #xid = 1_000n
  readonly events: MemoryEvent[] = []
  readonly records = new Map<string, CommandRecord>()
  readonly timers = new Map<string, TimerToWrite & { readonly id: string }>()
  #settings = 0
  readonly #rows = new Map<AnyAggregate, Map<string, AggregateRows>>()
  /** Which aggregate has a child row, by table and key: keys are unique over the whole table. */
  readonly #owners = new Map<string, string>()
  readonly #versions = new Map<string, number>()
  /** What the engine asked for that no engine may ask for; a real server might have done it. */
  readonly violations: string[] = []
  #undo: (() => void)[] = []

  /** How many transactions there were. */
  get xid(): bigint {
    return this.#xid
  }

  rowsOf(aggregate: AnyAggregate, id: string): AggregateRows | undefined {
    return this.#rows.get(aggregate)?.get(id)
  }

  /** Runs a transaction: all of it, or an error and nothing. */
  atomically<R>(body: (xid: string) => R): R {
    this.#undo = []
    const xid = String(++this.#xid)
    return this.savepoint(() => body(xid))
  }

  /** Runs a part of a transaction: all of it, or an error and nothing of this part. */
  savepoint<R>(body: () => R): R {
    const mark = this.#undo.length
    try {
      return body()
    } catch (error) {
      while (this.#undo.length > mark) this.#undo.pop()!()
      throw error
    }
  }

  write(batch: WriteBatch, xid: string, at: string): void {
    for (const { aggregate, id, expected, stamp } of batch.guards) {
      const rows = this.rowsOf(aggregate, id)
      const version = rows?.root['version']
      if (version !== expected || (stamp !== undefined && stamp !== rows?.stamp))
        throw new WriteConflict(
          'version',
          `expected ${aggregate.name} "${id}" at version ${expected}, got ${String(version ?? 'none')}`,
        )
    }
    const existing = new Set(batch.events.filter((event) => this.#exists(event)).map(streamOf))
    this.#change(batch, xid)
    this.#append(batch.events, existing, xid, at)
    for (const command of batch.commands) {
      if (this.records.has(command.commandId))
        throw new WriteConflict(
          'command',
          `expected no record of command ${command.commandId}, got one`,
        )
      const rejection =
        command.rejection === undefined
          ? undefined
          : (asJson(command.rejection) as CommandRecord['rejection'])
      this.#set(this.records, command.commandId, { ...command, rejection, xid, at })
    }
    for (const { schedule, stream, id } of batch.issued) {
      if (this.timers.get(`${schedule} ${stream}`)?.id === id) continue
      throw new WriteFailed(`expected the timer "${schedule}" of "${stream}" to be set`, {
        timerGone: true,
      })
    }
    for (const timer of batch.timers) {
      const key = `${timer.schedule} ${timer.stream}`
      this.#set(
        this.timers,
        key,
        timer.at === undefined
          ? undefined
          : { ...timer, input: asJson(timer.input), id: String(++this.#settings) },
      )
    }
  }

  /** Versions have no gap; a stream starts again only after its aggregate was deleted. */
  #append(
    events: readonly EventToAppend[],
    existing: ReadonlySet<string>,
    xid: string,
    at: string,
  ): void {
    const inBatch = new Set<string>()
    for (const event of events) {
      const stream = streamOf(event)
      const last = this.#versions.get(stream) ?? 0
      const anew = event.version === 1 && (inBatch.has(stream) || !existing.has(stream))
      if (event.version !== last + 1 && !anew)
        this.#violation(`expected version ${last + 1} of stream "${stream}", got ${event.version}`)
      inBatch.add(stream)
      this.#set(this.#versions, stream, event.version)
      this.events.push(Object.freeze({ ...event, data: asJson(event.data), xid, at }))
      this.#undo.push(() => this.events.pop())
    }
  }

  #exists({ aggregate, stream }: EventToAppend): boolean {
    for (const [declared, rows] of this.#rows)
      if (declared.name === aggregate) return rows.has(stream)
    return false
  }

  #change({ rows, guards }: WriteBatch, xid: string): void {
    const guarded = new Set(guards.map(({ aggregate, id }) => `${aggregate.name} ${id}`))
    const open = new Map<AnyAggregate, Map<string, MutableRows>>()
    for (const change of rows) {
      const { aggregate, id } = change
      let ofAggregate = open.get(aggregate)
      if (ofAggregate === undefined) open.set(aggregate, (ofAggregate = new Map()))
      let mutable = ofAggregate.get(id)
      if (mutable === undefined) {
        const stored = this.rowsOf(aggregate, id)
        if (stored !== undefined && change.op === 'insert' && change.of === aggregate.root)
          throw new WriteConflict('exists', `expected no ${aggregate.name} "${id}", got one`)
        if (stored !== undefined && !guarded.has(`${aggregate.name} ${id}`))
          this.#violation(
            `expected a version guard with a change to ${aggregate.name} "${id}", got none`,
          )
        ofAggregate.set(id, (mutable = mutableOf(aggregate, stored)))
      }
      this.#changeRow(change, mutable)
    }
    for (const [aggregate, changed] of open) {
      if (!this.#rows.has(aggregate)) this.#rows.set(aggregate, new Map())
      for (const [id, { root, children }] of changed) {
        this.#set(
          this.#rows.get(aggregate)!,
          id,
          root === undefined ? undefined : { root, children, stamp: xid },
        )
      }
    }
  }

  #changeRow({ op, aggregate, id, of, row }: RowChange, mutable: MutableRows): void {
    const stored = op === 'delete' ? row : asRow(row)
    if (of === aggregate.root) {
      if (op !== 'insert' && mutable.root === undefined)
        this.#violation(`expected ${aggregate.name} "${id}" to exist for ${op}, got none`)
      mutable.root = op === 'delete' ? undefined : stored
      return
    }
    const { key, table } = (aggregate.rows as TableSet)[of]!
    const list = mutable.children[of]!
    const { at, found } = placeOf(key, list, row)
    if ((op !== 'insert') !== found) {
      if (found)
        throw new WriteFailed(`duplicate key of "${table}": ${keyText(key, row)}`, {
          sqlState: '23505',
          constraint: `${table}_pkey`,
        })
      this.#violation(`expected a row of "${table}" with ${keyText(key, row)} for ${op}, got none`)
    }
    const owner = `${table} ${keyText(key, row)}`
    if (op === 'insert' && this.#owners.has(owner))
      throw new WriteFailed(`duplicate key of "${table}": ${keyText(key, row)}`, {
        sqlState: '23505',
        constraint: `${table}_pkey`,
      })
    if (op !== 'update') this.#set(this.#owners, owner, op === 'insert' ? id : undefined)
    if (op === 'insert') list.splice(at, 0, stored)
    else if (op === 'update') list[at] = stored
    else list.splice(at, 1)
  }

  #violation(text: string): never {
    this.violations.push(text)
    throw new Error(text)
  }

  #set<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
    const had = map.has(key)
    const before = map.get(key)
    this.#undo.push(() => (had ? map.set(key, before!) : map.delete(key)))
    if (value === undefined) map.delete(key)
    else map.set(key, value)
  }
}

function streamOf({ aggregate, stream }: EventToAppend): string {
  return `${aggregate} ${stream}`
}

function mutableOf(aggregate: AnyAggregate, stored: AggregateRows | undefined): MutableRows {
  const children: Record<string, Row[]> = {}
  for (const name of Object.keys(aggregate.rows as TableSet)) {
    if (name !== aggregate.root) children[name] = [...(stored?.children[name] ?? [])]
  }
  return { root: stored?.root, children }
}
