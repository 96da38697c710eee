import { positionOf, positionText } from './position-text.ts'
import type { Command } from './redis-link.ts'
import type { VersionAccess } from './version-access.ts'

const pageKeys = 500

/**
 * Whether a document or a remembered deletion is of an event after a position and up to another. Reads the position of every
 * document: nothing sorts them by it. Parked keys move with the checkpoints and are not looked at.
 */
export async function holdsBetween(
  { connection, names }: VersionAccess,
  after: bigint,
  through: bigint,
): Promise<boolean> {
  const page = (set: string, from: string, to: string, count: number): Promise<string[]> =>
    connection.run(['ZRANGE', set, from, to, 'BYLEX', 'LIMIT', '0', String(count)]) as Promise<
      string[]
    >
  const first = `[${positionText(after + 1n)}`
  const deletions = await page(names.deletions, first, `(${positionText(through + 1n)}`, 1)
  if (deletions.length > 0) return true
  for (let from = '-'; ;) {
    const keys = await page(names.keys, from, '+', pageKeys)
    if (keys.length === 0) return false
    const commands = keys.map((key): Command => ['GETRANGE', names.document(key), '0', '19'])
    const positions = (await connection.pipeline(commands)) as string[]
    const isOfThem = (text: string): boolean =>
      text !== '' && positionOf(text) > after && positionOf(text) <= through
    if (positions.some(isOfThem)) return true
    from = `(${keys.at(-1)}`
  }
}
