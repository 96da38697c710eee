import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build, packAll } from './packing/pack-package.ts'
import { publishablePackages } from './packing/publishable.ts'

// Builds every published package and packs it: `npm run pack -- [--to folder]`, into tarballs/ unless told otherwise.

const { values } = parseArgs({ options: { to: { type: 'string', default: 'tarballs' } } })
const destination = resolve(values.to)

const packages = publishablePackages(join(import.meta.dirname, '..'))
packages.forEach(build)
for (const tarball of packAll(packages, destination)) console.log(tarball)
