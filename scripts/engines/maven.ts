import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { needProgram } from './debian-packages.ts'
import { cachedFolder, expectSum, sha256OfFolder } from './engine-cache.ts'
import type { Say } from './engine-recipe.ts'
import { newestJava } from './java-runtime.ts'
import { oneAtATime, runProgram } from './run-program.ts'

/** An artifact, `group:artifact:version[:type]`. Without `alone`, what it depends on comes too. */
export interface Artifact {
  readonly at: string
  readonly alone?: boolean
}

/** Several Mavens at once spoil the folder that they keep their downloads in. */
const queue = oneAtATime()

/** The jars of some artifacts in one folder of the cache, refused unless they are the pinned set. */
export function cachedJars(
  name: string,
  artifacts: readonly Artifact[],
  sha256: string,
  say: Say,
): Promise<string> {
  return cachedFolder(name, async (draft) => {
    await runMaven(
      artifacts,
      ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${draft}`],
      say,
      name,
    )
    expectSum(`the jars of ${name}`, await sha256OfFolder(draft), sha256)
  })
}

/** Runs one goal of Maven's dependency plugin on a list of artifacts. A file with a wrong checksum fails the run. */
export async function runMaven(
  artifacts: readonly Artifact[],
  goal: readonly string[],
  say: Say,
  name: string,
): Promise<void> {
  await newestJava(say)
  const maven = await needProgram('mvn', 'maven', say)
  await queue(async () => {
    say(`getting ${name} with Maven`)
    await withPom(artifacts, (pom) => runProgram(maven, ['-q', '-B', '-C', '-f', pom, ...goal]))
  })
}

async function withPom(
  artifacts: readonly Artifact[],
  use: (pom: string) => Promise<unknown>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-pom-'))
  try {
    const pom = join(folder, 'pom.xml')
    writeFileSync(pom, pomOf(artifacts))
    await use(pom)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function pomOf(artifacts: readonly Artifact[]): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>tailrace.engines</groupId><artifactId>engine</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${artifacts.map(dependencyOf).join('\n')}</dependencies>
<build><plugins><plugin>
<groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId><version>3.11.0</version>
</plugin></plugins></build>
</project>
`
}

function dependencyOf({ at, alone = false }: Artifact): string {
  const [group, artifact, version, type = 'jar'] = at.split(':')
  const everything = '<exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>'
  return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId>
<version>${version}</version><type>${type}</type>${alone ? `<exclusions>${everything}</exclusions>` : ''}</dependency>`
}
