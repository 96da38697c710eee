import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from './debian-packages.ts'
import { runProgram } from './run-program.ts'

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/**
 * Unpacks packages of another Debian release, and what they depend on, below a folder. The machine's own packages and
 * lists stay as they are. apt checks the signature of the release and the SHA-256 of every package.
 */
export async function unpackDebian(
  suite: string,
  packages: readonly string[],
  root: string,
): Promise<void> {
  if (findProgram('apt-get') === undefined || !existsSync(keyring))
    throw new Error('it comes from a package of Debian, and this is no Debian')
  const own = mkdtempSync(join(tmpdir(), 'tailrace-apt-'))
  try {
    for (const folder of ['lists/partial', 'archives/partial', 'etc/preferences.d'])
      mkdirSync(join(own, folder), { recursive: true })
    writeFileSync(join(own, 'status'), '')
    writeFileSync(join(own, 'etc/sources.list'), await sourcesOf(suite))
    const options = optionsOf(own)
    await runProgram('apt-get', [...options, 'update'])
    await runProgram('apt-get', [...options, '-y', '--download-only', 'install', ...packages])
    const archives = readdirSync(join(own, 'archives')).filter((name) => name.endsWith('.deb'))
    if (archives.length === 0) throw new Error(`expected packages from Debian ${suite}, got none`)
    for (const name of archives)
      await runProgram('dpkg-deb', ['-x', join(own, 'archives', name), root])
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
}

/** The servers that this machine gets its own packages from, with the other release. */
async function sourcesOf(suite: string): Promise<string> {
  const args = ['indextargets', '--format', '$(REPO_URI)', 'Identifier: Packages']
  const known = (await runProgram('apt-get', args)).split('\n')
  const main = known.find((line) => /\/debian\/*$/.test(line))
  const security = known.find((line) => /\/debian-security\/*$/.test(line))
  if (main === undefined) throw new Error("expected a mirror of Debian in apt's sources, got none")
  const lines = [`deb [signed-by=${keyring}] ${main} ${suite} main`]
  if (security !== undefined)
    lines.push(`deb [signed-by=${keyring}] ${security} ${suite}-security main`)
  return `${lines.join('\n')}\n`
}

/** apt with folders of its own: nothing is installed, nothing of the machine is read or changed. */
function optionsOf(own: string): string[] {
  const settings = {
    'Dir::Etc': join(own, 'etc'),
    'Dir::Etc::sourcelist': join(own, 'etc/sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': join(own, 'lists'),
    'Dir::State::status': join(own, 'status'),
    'Dir::Cache::archives': join(own, 'archives'),
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'APT::Install-Recommends': 'false',
    'Binary::apt-get::APT::Keep-Downloaded-Packages': 'true',
    'Debug::NoLocking': '1',
  }
  return ['-qq', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])]
}
