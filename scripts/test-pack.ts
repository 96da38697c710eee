import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, packAll } from './packing/pack-package.ts'
import { publishablePackages, type Publishable } from './packing/publishable.ts'

// `npm run test:pack`: packs every published package, installs the tarballs into an empty project, and there compiles
// and runs what a stranger would write. What only works inside this repository fails here.

const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'tailrace-stranger-'))
const packages = publishablePackages(root)
let passed = 0
let failed = 0

function check(name: string, work: () => void): boolean {
  const started = performance.now()
  let ok = true
  try {
    work()
    passed++
  } catch (error) {
    ok = false
    failed++
    const { message, stdout, stderr } = error as {
      message: string
      stdout?: Buffer
      stderr?: Buffer
    }
    console.log([message, stdout, stderr].filter(Boolean).join('\n'))
  }
  console.log(
    `${ok ? 'ok    ' : 'FAILED'} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`,
  )
  return ok
}

const run = (command: string, ...args: string[]) =>
  execFileSync(command, args, { cwd: folder, stdio: 'pipe' })

/** Every name under which something can be imported, such as `tailrace/adapter`. */
function entriesOf({ manifest }: Publishable): string[] {
  return Object.keys(manifest.exports).map((subpath) => manifest.name + subpath.slice(1))
}

function writeProject(): void {
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'stranger', private: true, type: 'module' }),
  )
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2024',
    types: [],
  }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['*.ts'] }),
  )
  copyFileSync(join(root, 'scripts/packing/stranger/account.ts'), join(folder, 'account.ts'))
}

try {
  const tarballs = join(folder, 'tarballs')
  const ready =
    check('build', () => packages.forEach(build)) &&
    check('pack', () => packAll(packages, tarballs)) &&
    check('install into an empty project', () => {
      writeProject()
      const files = readdirSync(tarballs).map((name) => join(tarballs, name))
      run(
        'npm',
        'install',
        '--prefer-offline',
        '--no-audit',
        '--no-fund',
        '--ignore-scripts',
        ...files,
        'zod',
        'react',
      )
    })
  if (ready) {
    check("compile a stranger's code", () =>
      run(join(root, 'node_modules', '.bin', 'tsc'), '-p', folder),
    )
    check("run a stranger's code", () => run(process.execPath, 'account.ts'))
    for (const entry of packages.flatMap(entriesOf)) {
      check(`import ${entry}`, () =>
        run(process.execPath, '--input-type=module', '-e', `await import('${entry}')`),
      )
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
  // A build that is left behind would be loaded, out of date, by whoever forgets the "source" condition.
  for (const each of packages) rmSync(join(each.folder, 'dist'), { recursive: true, force: true })
}
console.log(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
