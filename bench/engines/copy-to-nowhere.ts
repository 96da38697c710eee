import { spawn, spawnSync } from 'node:child_process'
import { Client } from 'pg'

const found = spawnSync('psql', ['--version']).status === 0

/** What reads the rows on this machine, for the name of the ceiling. */
export const copyReader = found
  ? 'psql COPY to /dev/null'
  : 'COPY to /dev/null inside the server (no psql here)'

/** Lets the server send the rows of a query as fast as it can, to a reader that does nothing with them. */
export async function copyToNowhere(url: string, query: string): Promise<void> {
  if (found) return withPsql(url, query)
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`copy (${query}) to '/dev/null'`)
  } finally {
    await client.end()
  }
}

function withPsql(url: string, query: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('psql', ['-X', '-q', '-c', `copy (${query}) to stdout`, url], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4_000)))
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`expected psql to succeed, got:\n${errors}`)),
    )
  })
}
