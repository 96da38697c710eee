import { once } from 'node:events'
import { lmdb } from '@tailrace/lmdb'
import { countsProjection, history, stepOf } from './counts.ts'

// Writes batches until it is killed; says each position once it is committed. Arguments: folder, size of a batch.

const [path, batch] = process.argv.slice(2)
const store = lmdb({ path: path! })
const opened = await store.open(countsProjection, history)
let from = (await opened.checkpoints()).get(0)?.position
for (;;) {
  const step = await stepOf(opened, from, BigInt(batch!))
  await opened.apply(step)
  from = step.moves[0]!.to
  if (!process.stdout.write(`${from}\n`)) await once(process.stdout, 'drain')
}
