import { BusWorld, type BusUnderTest } from './bus/bus-under-test.ts'
import { publishingRequirements } from './bus/publishing.ts'
import { subscribingRequirements } from './bus/subscribing.ts'
import { register, type TestFunction } from './suite.ts'

export interface BusSuiteOptions {
  /** The test function of your runner. */
  readonly test: TestFunction
  /** Makes a topic that no other test uses, empty, with two partitions at least. */
  readonly create: () => Promise<BusUnderTest>
  /** Which bus this is, for the names of the tests. Default: `bus`. */
  readonly name?: string
}

/** What a bus must do, as tests. */
export function busSuite(options: BusSuiteOptions): void {
  const name = options.name ?? 'bus'
  const requirements = [...publishingRequirements, ...subscribingRequirements].map((one) => ({
    ...one,
    name: `${name}: ${one.name}`,
  }))
  register(options.test, requirements, async () => {
    const world = new BusWorld(await options.create())
    return { subject: world, close: () => world.close() }
  })
}
