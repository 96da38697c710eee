import { describe, test } from 'vitest'
import {
  killNode,
  pauseNode,
  resumeNode,
  startAll,
  startNode,
  stopAll,
  stopNode,
} from '../../scripts/engines/engine-control.ts'
import { engineVariable, type EngineName } from '../../scripts/engines/engine-names.ts'
import { processOf, readState, type EngineState } from '../../scripts/engines/engine-state.ts'

// Real engines for tests. Files that use one end in `.engine.test.ts`: `npm test` leaves them out, `npm run test:engines`
// starts the engines and runs them. By hand: `npm run engines -- up redis`, then `npx vitest run packages/redis`.
//
//   import { engine } from '../../../test/support/engines.ts'
//
//   const redis = engine('redis')              // redis clickhouse opensearch elasticsearch kafka kafka3
//
//   redis.describe('the Redis read store', () => {          // skipped under its name when it does not run
//     readStoreSuite({ test, name: 'redis', create: async () => redisStore({ url: redis.url, prefix: … }) })
//   })
//
//   redis.describeFaults('the Redis read store, when its server fails', () => {
//     test('goes on after a kill', async () => {
//       await redis.kill()      // kill -9; resolves when the process is gone
//       await redis.start()     // same data, same port; resolves when it serves again
//     })
//   })
//
// All test files share one server: use names of your own in it (a prefix, an index, a database, a topic) and remove
// them. Files that use engines run one after the other, so a file may kill its engine; a file ends with it running.

/** An engine that was started outside of the tests, and what can be done to its processes. */
export interface TestEngine {
  readonly name: EngineName
  /** Why it cannot be used; undefined when it runs. */
  readonly missing: string | undefined
  /** What clients connect to: `redis://…`, `http://…`; for Kafka `host:port,host:port`. Throws when it does not run. */
  readonly url: string
  /** `unknown` for one that is known by its URL only. */
  readonly version: string
  /** How many processes it has: 3 for kafka3, else 1. */
  readonly nodes: number

  /** Groups tests that need the engine. When it does not run, the group is one skipped test that says so. */
  describe(name: string, body: () => void): void
  /** Groups tests that stop, kill or pause it: skipped also when it is known by its URL only. */
  describeFaults(name: string, body: () => void): void

  // Nodes are numbered from 1; without a number, `start`, `stop` and the others mean all of them.
  /** `kill -9`. Resolves when the process is gone. */
  kill(node?: number): Promise<void>
  /** Stops in order. Resolves when the process is gone. */
  stop(node?: number): Promise<void>
  /** Starts what does not run, on the data and the ports that it had. Resolves when it serves. */
  start(node?: number): Promise<void>
  /** Freezes it: connections stay open, nothing answers. */
  pause(node?: number): void
  resume(node?: number): void
}

/** The engine of this name: at the URL in `TAILRACE_ENGINE_<NAME>`, else the one that `npm run engines -- up` started. */
export function engine(name: EngineName): TestEngine {
  const given = process.env[engineVariable(name)]
  const state = given === undefined ? readState(name) : undefined
  const missing = given === undefined ? whyMissing(name, state) : undefined
  const unmanaged =
    given === undefined ? undefined : `${name} is known by its URL only, so nothing may be killed`
  return {
    name,
    missing,
    get url() {
      if (missing !== undefined) throw new Error(`expected ${name} to run, got: ${missing}`)
      return given ?? state!.url
    },
    version: state?.version ?? 'unknown',
    nodes: state?.nodes.length ?? (name === 'kafka3' ? 3 : 1),
    describe: (title, body) => group(title, missing, body),
    describeFaults: (title, body) => group(title, missing ?? unmanaged, body),
    ...controls(name, state),
  }
}

function whyMissing(name: EngineName, state: EngineState | undefined): string | undefined {
  const stopped = state?.nodes.find(({ number }) => processOf(name, number) === undefined)
  if (state !== undefined && stopped === undefined) return undefined
  return `${name} does not run here; npm run engines -- up ${name}`
}

function group(title: string, missing: string | undefined, body: () => void): void {
  if (missing === undefined) describe(title, body)
  else describe(title, () => test.skip(missing, () => undefined))
}

function controls(
  name: EngineName,
  state: EngineState | undefined,
): Pick<TestEngine, 'kill' | 'stop' | 'start' | 'pause' | 'resume'> {
  const managed = (): EngineState => {
    if (state === undefined)
      throw new Error(`expected ${name} to be started by npm run engines; use describeFaults`)
    return state
  }
  const each = (node: number | undefined): number[] =>
    node === undefined ? managed().nodes.map(({ number }) => number) : [node]
  return {
    async kill(node) {
      await Promise.all(each(node).map((number) => killNode(managed(), number)))
    },
    stop: (node) => (node === undefined ? stopAll(managed()) : stopNode(managed(), node)),
    start: (node) => (node === undefined ? startAll(managed()) : startNode(managed(), node)),
    pause: (node) => each(node).forEach((number) => pauseNode(managed(), number)),
    resume: (node) => each(node).forEach((number) => resumeNode(managed(), number)),
  }
}
