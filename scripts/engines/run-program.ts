import { execFile } from 'node:child_process'

/** Runs a program to its end and gives what it printed. Throws with the end of its output when it fails. */
export function runProgram(
  program: string,
  args: readonly string[],
  { cwd, timeoutMs = 600_000 }: { readonly cwd?: string; readonly timeoutMs?: number } = {},
): Promise<string> {
  return new Promise((done, failed) => {
    const options = {
      encoding: 'utf8',
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
      ...(cwd === undefined ? {} : { cwd }),
    } as const
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) done(stdout)
      else failed(new Error(failureOf(program, error, `${stdout}\n${stderr}`), { cause: error }))
    }).stdin?.end()
  })
}

function failureOf(program: string, error: Error & { code?: unknown }, output: string): string {
  if (error.code === 'ENOENT') return `${program} is not installed`
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  // Build tools repeat themselves at length: the first complaint says most.
  const complaint = lines.find((line) => /error|fail|not found|unable/i.test(line)) ?? lines.at(-1)
  return `${program} ended with ${String(error.code ?? 'a signal')}: ${complaint ?? 'it printed nothing'}`
}

/** Runs one task after another, in the order of the calls: for tools that do not bear company. */
export function oneAtATime(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (task) => {
    const result = last.then(task, task)
    last = result.catch(() => undefined)
    return result
  }
}
