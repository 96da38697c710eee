import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build, pack } from './packing/pack-package.ts'
import { publishablePackages } from './packing/publishable.ts'

// Builds every published package and packs it: `npm run pack -- [--to folder]`, into tarballs/ unless told otherwise.

const { values } = parseArgs({ options: { to: { type: 'string', default: 'tarballs' } } })
const destination = resolve(values.to)

for (const each of publishablePackages(join(import.meta.dirname, '..'))) {
  build(each)
  console.log(pack(each, destination))
}
