import { memoryStorage, TokenMemory } from '@tailrace/client'
import type { App, CommandOutcome, QueryOutcome } from 'tailrace'
import { canonicalText } from '../checker/canonical-text.ts'
import type {
  CommandOperation,
  DocumentText,
  Operation,
  QueryOperation,
} from '../checker/history.ts'
import { NoAnswer } from '../kernel/network.ts'
import type { Random } from '../kernel/random.ts'
import { randomCommand, type CommandPlan } from './random-command.ts'
import type { ChainDocument } from './sample-projections.ts'
import type { Served, SimNode } from './sim-node.ts'
import type { World } from './world.ts'

const attemptsMax = 5
/** So many calls of a lane are enough once nothing goes wrong any more. */
const calmCalls = 2

type QueryPlan = Pick<
  QueryOperation,
  'query' | 'projection' | 'key' | 'withTokens' | 'waitMs' | 'strict'
>

/** A client: sends commands with keys and repeats them when no answer comes, carries tokens, and asks. */
export class ClientSession {
  readonly name: string
  readonly #world: World
  readonly #random: Random
  readonly #tokens = new TokenMemory(memoryStorage())
  readonly #thinkMs: number
  readonly #sent: CommandPlan[] = []
  /** Orders, the last written one last. */
  readonly #wrote: string[] = []
  #keys = 0

  /** `thinkMs`: mean pause between its calls. */
  constructor(world: World, name: string, thinkMs: number) {
    this.#world = world
    this.#thinkMs = thinkMs
    this.name = name
    this.#random = world.simulation.random()
  }

  /** Calls, some at the same time, until it has sent its commands, or all is well for a while. Never throws. */
  async run(): Promise<void> {
    const { lanes, commandsPerSession } = this.#world.swarm
    const commands = Math.ceil(commandsPerSession / lanes)
    await Promise.all(Array.from({ length: lanes }, () => this.#lane(commands)))
  }

  async #lane(commands: number): Promise<void> {
    const { kernel } = this.#world.simulation
    const { repeats } = this.#world.swarm
    let calm = 0
    for (let sent = 0; sent < commands && calm < calmCalls;) {
      await kernel.pause(this.#random.spread(this.#thinkMs), 'think')
      if (this.#world.healed) calm++
      const draw = this.#random.next()
      if (draw < 0.55) {
        sent++
        const plan = this.#newPlan()
        await Promise.all([
          this.#send(plan),
          plan.key !== undefined && this.#random.chance(this.#world.swarm.twice)
            ? this.#send(plan)
            : undefined,
        ])
      } else if (draw < 0.55 + repeats && this.#sent.length > 0) {
        await this.#command(this.#oldPlan())
      } else await this.#query()
    }
    for (let asked = 0; asked < (this.#world.healed ? 1 : 3); asked++) {
      await kernel.pause(this.#random.spread(this.#world.healed ? 20 : 150), 'think')
      await this.#query()
    }
  }

  async #send(plan: CommandPlan): Promise<void> {
    const { echoes } = this.#world.swarm
    await this.#command(plan)
    if (echoes === 0) return
    if (plan.key !== undefined && this.#random.chance(echoes)) await this.#command(plan)
    if (this.#random.chance(echoes)) await this.#query(this.#random.pick(this.#wrote.slice(-3)))
  }

  #newPlan(): CommandPlan {
    const plan = randomCommand(this.#world, this.#random)
    const key = this.#random.chance(0.85) ? `k-${++this.#keys}` : undefined
    const keyed = { ...plan, key }
    if (key !== undefined) this.#sent.push(keyed)
    return keyed
  }

  /** The same again, as a double click or a retry of a retry would; sometimes another content under the old key. */
  #oldPlan(): CommandPlan {
    const { focus } = this.#world.swarm
    const plan = this.#random.pick(focus === 'repeats' ? this.#sent.slice(-6) : this.#sent)
    if (!this.#random.chance(0.3)) return plan
    return { ...randomCommand(this.#world, this.#random), key: plan.key }
  }

  async #command(plan: CommandPlan): Promise<void> {
    const { kernel } = this.#world.simulation
    const text = canonicalText({ name: plan.name, input: plan.input })
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const outcome = await this.#attempt(plan, text)
      const again =
        outcome.kind === 'info' ||
        (outcome.kind === 'refused' && outcome.code === 'COMMAND_IN_PROGRESS')
      if (!again || plan.key === undefined) return
      this.#world.simulation.marks.sometimes('a command is sent again')
      await kernel.pause(this.#random.spread(30), 'retry')
    }
  }

  async #attempt({ name, input, key }: CommandPlan, text: string) {
    const { kernel } = this.#world.simulation
    const operation: CommandOperation = {
      kind: 'command',
      session: this.name,
      name,
      key,
      input: text,
      invokedAt: kernel.nowMs,
      endedAt: undefined,
      outcome: undefined,
    }
    this.#world.operations.push(operation)
    const sentAt = this.#tokens.now()
    try {
      const { value } = await this.#atSomeNode((node) =>
        node.ask(this.#world.swarm.clientRates, this.#patience(), (engine) =>
          engine.command(name, input, {
            actor: { role: 'user', id: this.name },
            ...(key === undefined ? {} : { idempotencyKey: key }),
            waitMs: 300,
          }),
        ),
      )
      if (value.kind === 'committed') {
        this.#tokens.wrote(value.token, value.replayed ? undefined : sentAt)
        const { from } = input as { readonly from?: string }
        this.#wrote.push(from !== undefined && this.#random.chance(0.5) ? from : value.aggregateId)
      }
      operation.outcome = resultOf(value)
    } catch (error) {
      operation.outcome = { kind: 'info', error: textOf(error) }
    }
    operation.endedAt = kernel.nowMs
    this.#say(operation)
    return operation.outcome
  }

  async #query(order?: string): Promise<void> {
    const plan = this.#queryPlan(order)
    if (plan !== undefined) await this.#ask(plan)
  }

  async #ask(plan: QueryPlan, patienceMs = this.#patience()): Promise<void> {
    const world = this.#world
    const { kernel } = world.simulation
    const { withTokens, strict } = plan
    const header = withTokens ? this.#tokens.header() : undefined
    const operation: QueryOperation = {
      kind: 'query',
      session: this.name,
      ...plan,
      invokedAt: kernel.nowMs,
      endedAt: undefined,
      outcome: undefined,
    }
    world.operations.push(operation)
    const asked = this.#tokens.now()
    try {
      const served = await this.#atSomeNode((node) =>
        node.ask(
          world.swarm.clientRates,
          patienceMs,
          (engine) =>
            engine.query(
              plan.query,
              { key: plan.key },
              {
                tokens: header?.split(',') ?? [],
                waitMs: operation.waitMs,
                ...(strict ? { consistency: 'strict' as const } : {}),
              },
            ),
          (tookMs, stoodStill) => this.#served(plan, tookMs, stoodStill),
        ),
      )
      operation.outcome = this.#answered(served, operation)
      this.#mark(operation.outcome)
      const { value } = served
      if (value.kind === 'answer' && withTokens)
        this.#tokens.saw(value.token, asked, value.meta.behindToken !== true)
      else if (value.kind === 'refused' && value.code === 'TOKEN_OF_ANOTHER_HISTORY') this.#forget()
    } catch (error) {
      operation.outcome = { kind: 'info', error: textOf(error) }
    }
    operation.endedAt = kernel.nowMs
    this.#say(operation)
  }

  #say(operation: Operation): void {
    this.#world.simulation.say(this.name, () => {
      const asked =
        operation.kind === 'command'
          ? `${operation.key ?? 'no key'} ${operation.input}`
          : `${operation.query} ${operation.key}${operation.withTokens ? ' with tokens' : ''}`
      const text = JSON.stringify(operation.outcome, (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      )
      return `${asked} (from ${operation.invokedAt.toFixed(1)}): ${text}`
    })
  }

  #mark(outcome: QueryOperation['outcome']): void {
    const { marks } = this.#world.simulation
    if (outcome?.kind === 'refused') marks.sometimes(`a query is refused: ${outcome.code}`)
    if (outcome?.kind !== 'answer') return
    if (outcome.stale) marks.sometimes('an answer says that it is stale')
    if (outcome.behindToken) marks.sometimes('an answer says that it is behind its tokens')
    if (outcome.parked) marks.sometimes('an answer says that a key is parked')
  }

  /** Also when the client has gone away meanwhile, a query ends in time. */
  #served({ query, waitMs }: QueryPlan, tookMs: number, stoodStill: boolean): void {
    const most = waitMs + this.#world.answerWithinMs
    if (stoodStill || tookMs <= most) return
    const text = `${query} with a wait of ${waitMs} ms took ${Math.round(tookMs)} ms`
    this.#world.violations.push({ invariant: 'I18', text })
  }

  #forget(): void {
    this.#world.simulation.marks.sometimes('a token belongs to another history')
    this.#tokens.clear()
    this.#world.forgotten.push({ session: this.name, at: this.#world.simulation.kernel.nowMs })
  }

  #answered(
    { value, tookMs, stoodStill }: Served<QueryOutcome>,
    { projection, key }: QueryOperation,
  ): QueryOperation['outcome'] {
    if (value.kind === 'refused') return { kind: 'refused', code: value.code, tookMs, stoodStill }
    const { meta, data } = value
    const parked = meta.parked?.[projection]
    return {
      kind: 'answer',
      document: documentText(data as ChainDocument | null),
      position: BigInt(meta.reads[projection]?.position ?? meta.position),
      asOfMs: Date.parse(meta.asOf),
      stale: meta.stale,
      behindToken: meta.behindToken === true,
      parked: parked !== undefined && (parked.length === 0 || parked.includes(key)),
      tookMs,
      stoodStill,
    }
  }

  /** Once everything is at rest, every question is answered freshly, as soon as all processes have noticed. */
  async askEverything(): Promise<void> {
    const { simulation, currentApp, unanswered } = this.#world
    for (const asked of Object.values(currentApp.app.queries)) {
      const plan = { ...this.#planFor(asked), waitMs: 2_000, withTokens: true, strict: true }
      let got: string | undefined
      for (let attempt = 0; attempt < 4; attempt++) {
        if (attempt > 0) await simulation.kernel.pause(600, 'ask again')
        await this.#ask(plan, 10_000)
        got = staleness(this.#world.operations.findLast(({ session }) => session === this.name)!)
        if (got === undefined) break
      }
      if (got !== undefined) unanswered.push(`${this.name} asked ${plan.query}, and got ${got}`)
    }
  }

  #queryPlan(order?: string): QueryPlan | undefined {
    const queries = Object.values(this.#world.currentApp.app.queries)
    return queries.length === 0 ? undefined : this.#planFor(this.#random.pick(queries), order)
  }

  #planFor(asked: App['queries'][string], about?: string): QueryPlan {
    const projection = Object.values(asked.reads)[0]!.name as string
    // Most questions are about what the session has just written.
    const own = this.#random.chance(0.7) ? this.#random.pick(this.#wrote.slice(-3)) : undefined
    const order = about ?? own ?? this.#world.orderId(this.#random)
    const key =
      projection === 'customers'
        ? `c-${this.#random.below(2)}`
        : projection === 'lines'
          ? `${order}/${this.#random.between(1, 3)}`
          : order
    return {
      query: asked.name,
      projection,
      key,
      withTokens: this.#random.chance(0.85),
      waitMs: this.#random.pick([0, 50, 1_000]),
      strict: this.#random.chance(0.1) || asked.name === 'status-strict',
    }
  }

  #atSomeNode<T>(call: (node: SimNode) => Promise<T>): Promise<T> {
    const nodes = this.#world.nodes.filter(({ roles }) => roles.includes('api'))
    return call(this.#random.pick(nodes))
  }

  #patience(): number {
    return this.#random.pick([400, 3_000])
  }
}

/** What is wrong with the answer to a question asked at rest. */
function staleness({ outcome }: Operation): string | undefined {
  // Where one may wait at a time, the sessions are in each other's way.
  if (outcome?.kind === 'refused' && outcome.code === 'TOO_MANY_WAITERS') return undefined
  if (outcome?.kind === 'answer') return outcome.behindToken ? 'a stale answer' : undefined
  return JSON.stringify(outcome)
}

export function documentText(document: ChainDocument | null): DocumentText | null {
  if (document === null) return null
  return { text: canonicalText(document), generation: document.generation ?? 1 }
}

function resultOf(value: CommandOutcome): NonNullable<CommandOperation['outcome']> {
  if (value.kind === 'committed') {
    const { commandId, aggregateId, version, token } = value
    return { kind: 'ok', commandId, stream: aggregateId, version, token }
  }
  if (value.kind === 'rejected')
    return { kind: 'rejected', commandId: value.commandId, code: value.code }
  return { kind: 'refused', code: value.code, commandId: value.commandId }
}

function textOf(error: unknown): string {
  if (error instanceof NoAnswer) return error.sent ? 'lost' : 'unreachable'
  return error instanceof Error ? error.message : String(error)
}
