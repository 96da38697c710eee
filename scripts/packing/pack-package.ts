import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { publishedManifest, type Publishable } from './publishable.ts'

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

/** Packs a built package. Returns the path of its tarball. */
export function pack({ folder, manifest }: Publishable, destination: string): string {
  const staging = mkdtempSync(join(tmpdir(), 'tailrace-pack-'))
  mkdirSync(destination, { recursive: true })
  try {
    for (const part of ['dist', 'src', 'README.md']) {
      if (existsSync(join(folder, part)))
        cpSync(join(folder, part), join(staging, part), { recursive: true })
    }
    cpSync(join(root, 'LICENSE'), join(staging, 'LICENSE'))
    writeFileSync(
      join(staging, 'package.json'),
      `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`,
    )
    const listed = execFileSync(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--pack-destination', destination],
      {
        cwd: staging,
        encoding: 'utf8',
      },
    )
    return join(destination, tarballName(JSON.parse(listed)))
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

/** npm 12 answers an object by package name, earlier ones a list. */
function tarballName(answer: unknown): string {
  const [packed] = Object.values(answer as Record<string, { filename: string }>)
  return packed!.filename
}
