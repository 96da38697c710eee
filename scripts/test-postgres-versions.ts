import { rmSync } from 'node:fs'
import { installServer, postgresVersions } from './postgres-versions/install-server.ts'
import { runSuite } from './postgres-versions/run-suite.ts'
import { startServer } from './postgres-versions/start-server.ts'

// Runs the tests of packages/postgres against real servers of every supported major version.
//   npm run test:postgres-versions              every version
//   npm run test:postgres-versions -- 15 17     only these
//   npm run test:postgres-versions -- 16 write  only test files whose path has "write" in it

const isMajor = (word: string) => /^\d+$/.test(word)
const wanted = process.argv.slice(2).filter(isMajor)
const paths = process.argv.slice(2).filter((word) => !isMajor(word))
const majors = Object.keys(postgresVersions).filter(
  (major) => wanted.length === 0 || wanted.includes(major),
)
// Ended by a signal, a process skips its exit handlers, which end the servers.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

let passed = 0
let failed = 0

for (const major of majors) {
  const server = await startServer(await installServer(major))
  try {
    const result = await runSuite(server.url, paths)
    passed += result.passed
    failed += result.failed
    for (const name of result.failures) console.log(`  failed: ${name}`)
    console.log(`PostgreSQL ${server.version}: ${result.passed} passed, ${result.failed} failed`)
  } finally {
    await server.stop()
    rmSync(server.folder, { recursive: true, force: true })
  }
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || majors.length === 0 || passed === 0 ? 1 : 0
