import { Client } from 'pg'
import { TailraceError } from 'tailrace'

const answerMs = 10_000

/**
 * Checks that the server of an environment variable can be worked with, before anything is started for it. Throws a coded
 * error that names the variable and the remedy, and never the password. `example`: a URL of the kind that is meant.
 */
export async function checkGivenServer(
  variable: string,
  url: string,
  example: string,
): Promise<void> {
  const scheme = new URL(example).protocol.slice(0, -1)
  // A password in it may have any character, so nothing of a text that is no URL is repeated.
  if (!URL.canParse(url) || !new URL(url).protocol.startsWith(scheme))
    throw new TailraceError(
      'CONFIG',
      `expected ${variable} to be a URL such as ${example}, got another text`,
    )
  const client = new Client({ connectionString: url, connectionTimeoutMillis: answerMs })
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch (error) {
    throw new TailraceError(
      'UNAVAILABLE',
      `expected the server at ${new URL(url).host} to answer, got "${textOf(error)}"; start it, or correct ${variable}; without ${variable} an embedded server is used`,
      { cause: error, retryable: true },
    )
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** A name with several addresses fails with an error for each, and no text of its own. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map((one) => textOf(one)).join(', ')
  return error instanceof Error ? error.message : String(error)
}
