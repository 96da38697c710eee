export const faultClasses = [
  'kill',
  'pause',
  'network',
  'disk',
  'clock',
  'version',
  'build',
] as const

export type FaultClass = (typeof faultClasses)[number]

export function isFaultClass(name: string): name is FaultClass {
  return (faultClasses as readonly string[]).includes(name)
}

/** One thing that goes wrong for a while. */
export interface Fault {
  readonly kind: FaultClass
  /** To whom, and what. */
  readonly what: string
  /** How long it stays; 0: it is over as soon as it began. */
  readonly forMs: number
  begin(): Promise<void> | void
  end(): Promise<void> | void
}

/** A number in [0, 1), the next one of the seed. */
export type Random = () => number

/** Makes the next fault of one class; undefined when there is nothing to harm at this moment. */
export type FaultSource = (random: Random) => Fault | undefined

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!
}

/** Mostly short, sometimes long. */
export function milliseconds(random: Random, least: number, most: number): number {
  return Math.round(least * (most / least) ** random())
}
