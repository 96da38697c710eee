import type { CallFault, Faults, FaultRates } from './faults.ts'
import type { Kernel } from './kernel.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'

/** Something that answers calls: the write database, a read store, a bus. */
export class Server {
  readonly name: string
  up = true
  rates: FaultRates
  /** Mean time of a call, milliseconds. */
  latencyMs: number
  /** After so long without an answer a caller gives its connection up. */
  timeoutMs: number
  /** Names of the processes that cannot reach it, and whether they notice at once. */
  readonly cut = new Map<string, 'refused' | 'silent'>()

  constructor(name: string, rates: FaultRates, latencyMs: number, timeoutMs: number) {
    this.name = name
    this.rates = rates
    this.latencyMs = latencyMs
    this.timeoutMs = timeoutMs
  }
}

/** A call got no answer. `sent`: the server may have done it. */
export class NoAnswer extends Error {
  readonly sent: boolean
  constructor(server: string, sent: boolean) {
    super(sent ? `the connection to ${server} was lost` : `the connection to ${server} was refused`)
    this.name = 'NoAnswer'
    this.sent = sent
  }
}

export interface Call<T> {
  readonly process: Process
  readonly server: Server
  readonly name: string
  readonly writes: boolean
  /** What the server does, when it comes to it. May wait for locks. */
  readonly effect: () => T | Promise<T>
}

interface Surroundings {
  readonly kernel: Kernel
  readonly faults: Faults
  say(who: string, text: () => string): void
}

/** Calls between processes and servers: each takes time, and may meet a fault. Rejects with `NoAnswer` or what the server says. */
export class Network {
  readonly #around: Surroundings
  readonly #kernel: Kernel
  readonly #random: Random

  constructor(around: Surroundings, random: Random) {
    this.#around = around
    this.#kernel = around.kernel
    this.#random = random
  }

  call<T>(call: Call<T>): Promise<T> {
    return new Promise((resolve, reject) => this.#begin(call, resolve, reject))
  }

  #begin<T>(call: Call<T>, resolve: (value: T) => void, reject: (error: unknown) => void): void {
    const { process, server, name } = call
    const delay = this.#random.spread(server.latencyMs)
    const cut = server.cut.get(process.name)
    const fault = this.#fateOf(call, cut)
    const fail = (after: number, sent: boolean): void =>
      void this.#kernel.after(after, name, () => reject(new NoAnswer(server.name, sent)), process)
    if (fault === 'refused') return fail(delay, false)
    if (fault === 'hang' || fault === 'late') {
      const reaches = fault === 'late' || (cut === undefined && this.#random.chance(0.5))
      const later = delay + this.#random.spread(fault === 'late' ? 60 : 10)
      if (reaches) this.#kernel.after(later, name, () => this.#unheard(call))
      return fail(fault === 'late' ? delay : server.timeoutMs, true)
    }
    this.#kernel.after(delay, name, () => {
      if (!server.up) return fail(0, false)
      const back = fault === 'slow' ? this.#random.spread(server.latencyMs * 50) : 0
      this.#settle(call, back, fault === 'lost-reply', resolve, reject)
    })
  }

  #fateOf<T>(call: Call<T>, cut: 'refused' | 'silent' | undefined): CallFault {
    if (cut !== undefined) return cut === 'silent' ? 'hang' : 'refused'
    const { process, server, name, writes } = call
    const { faults } = this.#around
    if (!faults.active) return 'none'
    const fault = faults.ofCall(server.rates, writes, `${process.name} ${name}`)
    if (fault !== 'none') this.#around.say(process.name, () => `${name}: ${fault}`)
    return fault
  }

  /** The server does it, and nobody hears of it. */
  #unheard<T>({ server, effect }: Call<T>): void {
    if (!server.up) return
    Promise.resolve()
      .then(effect)
      .catch(() => undefined)
  }

  #settle<T>(
    { process, server, name, effect }: Call<T>,
    back: number,
    lost: boolean,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ): void {
    const deliver = (settle: () => void): void => {
      if (back === 0 && process.alive && process.pausedUntil <= this.#kernel.nowUs) settle()
      else this.#kernel.after(back, name, settle, process)
    }
    const done = (value: T): void =>
      deliver(() => (lost ? reject(new NoAnswer(server.name, true)) : resolve(value)))
    const failed = (error: unknown): void =>
      deliver(() => reject(lost ? new NoAnswer(server.name, true) : error))
    let result: T | Promise<T>
    try {
      result = effect()
    } catch (error) {
      return failed(error)
    }
    if (result instanceof Promise) result.then(done, failed)
    else done(result)
  }
}
