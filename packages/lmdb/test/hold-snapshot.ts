import { lmdb } from '@tailrace/lmdb'
import { countsProjection, history } from './counts.ts'

// Opens a snapshot and holds it until it is killed. Argument: folder.

const opened = await lmdb({ path: process.argv[2]! }).open(countsProjection, history)
const held = await opened.snapshot!()
process.stdout.write(`${held.checkpoints.get(0)?.position ?? 0n}\n`)
setInterval(() => held.checkpoints.size, 60_000)
