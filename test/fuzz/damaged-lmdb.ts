import { openEnvironment, type Environment } from '../../packages/lmdb/src/environment.ts'
import type { Random } from '../../packages/simulator/src/kernel/random.ts'
import type { Damage } from './damage.ts'

const projection = 'order-status'
const headerBytes = 8
const limitBytes = 1024 ** 3

/** Opens the store of the order states beside the process that owns it. */
export function openStatusStore(path: string): Environment {
  return openEnvironment(path, limitBytes)
}

/** Damages a value in LMDB: a document, the checkpoints, or which version is read. */
export async function damageLmdb(environment: Environment, random: Random): Promise<Damage> {
  const draw = random.next()
  const name =
    draw < 0.55 ? `${projection}/1/documents` : draw < 0.85 ? `${projection}/1/state` : 'catalog'
  const table = environment.table(name)
  const keys =
    name === 'catalog'
      ? [Buffer.from(`live/${projection}`)]
      : name.endsWith('state')
        ? [Buffer.from('c')]
        : [...table.getKeys({})].map((key) => Buffer.from(key))
  const key = random.pick(keys)
  const kept = Buffer.from(table.get(key)!)
  const put = (value: Buffer) => environment.administer(() => void table.put(key, value))
  const [what, value, detectable] = damaged(kept, random, name.endsWith('documents'))
  await put(value)
  return {
    text: `${name} ${key.toString()} ${what}`,
    projection,
    detectable: detectable && name !== 'catalog',
    undo: () => put(kept),
  }
}

function damaged(kept: Buffer, random: Random, document: boolean): [string, Buffer, boolean] {
  const cut = random.below(kept.length)
  const choices: [string, Buffer, boolean][] = [
    ['is empty', Buffer.alloc(0), true],
    [`ends after ${cut} of ${kept.length} bytes`, kept.subarray(0, cut), true],
    ['is random', Buffer.from(Array.from({ length: 40 }, () => random.below(256))), true],
    ['goes on after its end', Buffer.concat([kept, Buffer.from([1, 2, 3])]), true],
  ]
  if (document)
    for (const text of ['5', 'null', '[]', '"text"', '{"__proto__":{"x":1}}'])
      choices.push([
        `is ${text}`,
        Buffer.concat([kept.subarray(0, headerBytes), Buffer.from(text)]),
        false,
      ])
  return random.pick(choices)
}
