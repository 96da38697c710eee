import type { ParkedKey, ParkFailure, ParkResolution } from 'tailrace/adapter'
import { parkedKeyChanged } from './apply-batch.ts'
import { settleScript } from './apply-scripts.ts'
import type { Command } from './redis-link.ts'
import { keyOfText, keyText } from './key-text.ts'
import { positionOf, positionText } from './position-text.ts'
import { scanHash } from './scan-hash.ts'
import { entryOf, runScript, type VersionAccess } from './version-access.ts'

/** A parked key is a field of a hash: milliseconds since when (13 digits), then why as JSON. */
const sinceDigits = 13
const askedAtOnce = 500

/** Those of some keys that are parked. */
export async function findParked(
  access: VersionAccess,
  keys: readonly string[],
  limit: number,
): Promise<ParkedKey[]> {
  const found: ParkedKey[] = []
  for (let i = 0; i < keys.length && found.length < limit; i += askedAtOnce) {
    const texts = keys.slice(i, i + askedAtOnce).map(keyText)
    const records = (await access.connection.run(['HMGET', access.names.parked, ...texts])) as (
      | string
      | null
    )[]
    const parked = texts.flatMap((text, j): [string, string][] =>
      records[j] === null ? [] : [[text, records[j]!]],
    )
    found.push(...(await withPositions(access, parked)))
  }
  return found.slice(0, limit)
}

export async function listParked(access: VersionAccess, limit: number): Promise<ParkedKey[]> {
  const found = new Map<string, ParkedKey>()
  for await (const page of scanHash(access.connection, access.names.parked)) {
    for (const parked of await withPositions(access, [...page])) found.set(parked.key, parked)
    if (found.size >= limit) break
  }
  return [...found.values()].slice(0, limit)
}

async function withPositions(
  { connection, names }: VersionAccess,
  parked: readonly (readonly [string, string])[],
): Promise<ParkedKey[]> {
  if (parked.length === 0) return []
  const commands = parked.flatMap(([text]): Command[] => [
    ['ZRANGE', names.waiting(text), '0', '0'],
    ['ZCARD', names.waiting(text)],
  ])
  const answers = await connection.pipeline(commands)
  return parked.flatMap(([text, record], i): ParkedKey[] => {
    const [first] = answers[2 * i] as string[]
    // Freed between the two looks.
    if (first === undefined) return []
    return [
      {
        key: keyOfText(text),
        firstPosition: positionOf(first),
        events: answers[2 * i + 1] as number,
        failure: JSON.parse(record.slice(sinceDigits)) as ParkFailure,
        sinceMs: Number(record.slice(0, sinceDigits)),
      },
    ]
  })
}

export async function parkedPositions(
  { connection, names }: VersionAccess,
  key: string,
): Promise<bigint[]> {
  const found = await connection.run(['ZRANGE', names.waiting(keyText(key)), '0', '-1'])
  return (found as string[]).map(positionOf)
}

export async function settleParked(
  access: VersionAccess,
  resolution: ParkResolution,
): Promise<void> {
  const { key, seen, remaining, failure } = resolution
  const entries = resolution.changes.map((change) => entryOf(access, change))
  const stays = new Set(remaining)
  const freed = seen.filter((position) => !stays.has(position))
  const text = keyText(key)
  const answer = await runScript(
    access,
    settleScript,
    [access.names.waiting(text), ...entries.map((entry) => entry.key)],
    [
      text,
      seen.map(positionText).join(),
      failure === undefined ? '' : JSON.stringify(failure),
      String(freed.length),
      ...freed.map(positionText),
      ...entries.map((entry) => entry.value),
    ],
  )
  if (answer[0] !== 'changed') return
  const found = answer[1] === '' ? 'none' : answer[1]!.split(',').map(positionOf).join()
  throw parkedKeyChanged(key, `events ${seen.join()}`, found)
}
