import { postgres, postgresTables } from '@tailrace/postgres'
import { start } from 'tailrace'
import { accountsApp } from './accounts-app.ts'

// Run by killed-after-commit.test.ts: `node commit-and-die.ts <write url> <read url> <answers>`.

const [writeUrl, readUrl, answers] = process.argv.slice(2) as [string, string, string]
const { engine } = await start(accountsApp(), {
  write: postgres({ url: writeUrl, onWarning: () => undefined }),
  stores: { statements: postgresTables({ url: readUrl }) },
  roles: ['api'],
})

let seen = 0
const sent = Array.from({ length: 200 }, async (_, n) => {
  const id = `a${String(n % 10).padStart(3, '0')}`
  const outcome = await engine.command('move', { id, by: 1 })
  // The next line is the one at which a hand-made outbox would publish.
  if (outcome.kind === 'committed' && ++seen === Number(answers))
    process.kill(process.pid, 'SIGKILL')
})
await Promise.all(sent)
