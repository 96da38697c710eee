import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, extname, join } from 'node:path'
import { publishedManifest, readmeOf, type Publishable } from './publishable.ts'

const root = join(import.meta.dirname, '..', '..')

/** Compiles a package to its dist folder: JavaScript, declarations and maps, and what else stands beside the sources. */
export function build({ folder }: Publishable): void {
  const dist = join(folder, 'dist')
  rmSync(dist, { recursive: true, force: true })
  execFileSync(
    join(root, 'node_modules', '.bin', 'tsc'),
    ['-p', join(folder, 'tsconfig.build.json')],
    { stdio: 'inherit' },
  )
  const compiled = new Set(['.ts', '.tsx'])
  cpSync(join(folder, 'src'), dist, {
    recursive: true,
    filter: (path) => !compiled.has(extname(path)),
  })
}

/** Packs built packages. Returns the paths of the tarballs. */
export function packAll(packages: readonly Publishable[], destination: string): string[] {
  const staging = mkdtempSync(join(tmpdir(), 'tailrace-pack-'))
  mkdirSync(destination, { recursive: true })
  try {
    const staged = packages.map((each) => stage(each, staging))
    const options = ['--json', '--ignore-scripts', '--pack-destination', destination]
    const listed = execFileSync('npm', ['pack', ...options, ...staged], {
      cwd: staging,
      encoding: 'utf8',
    })
    return tarballNames(JSON.parse(listed)).map((name) => join(destination, name))
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

/** Puts together what is published; source maps and "go to definition" need the sources too. */
function stage({ folder, manifest }: Publishable, staging: string): string {
  const staged = join(staging, basename(folder))
  for (const part of ['dist', 'src'])
    cpSync(join(folder, part), join(staged, part), { recursive: true })
  writeFileSync(join(staged, 'README.md'), readmeOf(manifest))
  cpSync(join(root, 'LICENSE'), join(staged, 'LICENSE'))
  writeFileSync(
    join(staged, 'package.json'),
    `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`,
  )
  return `./${basename(folder)}`
}

/** npm 12 answers an object by package name, earlier ones a list. */
function tarballNames(answer: unknown): string[] {
  return Object.values(answer as Record<string, { filename: string }>).map(
    ({ filename }) => filename,
  )
}
