import { postgresTables } from '@tailrace/postgres'
import { history, moveTo, Notes, Tally } from './models.ts'

// Comes to the middle of a write, says so, and stays there until a line comes on stdin. Arguments: database, load or sql, fence.

const [url, what, fence] = process.argv.slice(2)
const store = postgresTables({ url: url!, answerTimeoutMs: 2_000 })
const goesOn = new Promise<void>((resolve) => void process.stdin.once('data', () => resolve()))

async function* pages() {
  yield [{ key: 'a', document: { by: 'stuck' }, position: 1n }]
  console.log('stuck')
  await goesOn
}

const writing =
  what === 'load'
    ? (await store.open(Notes, history)).bulkLoad(pages(), [moveTo(BigInt(fence!), 5n)])
    : (await store.open(Tally, history)).applySql({
        moves: [moveTo(BigInt(fence!), 5n)],
        groups: [
          {
            key: 'a',
            positions: [5n],
            run: async (tx) => {
              await tx.query(`insert into ${tx.table('tally')} values ('a', 1)`)
              console.log('stuck')
              await goesOn
            },
          },
        ],
        park: [],
        parkOf: (_, error) => {
          throw error
        },
      })
console.log(
  await writing.then(
    () => 'written',
    (error: { code?: string }) => String(error.code),
  ),
)
await store.close()
process.exit()
