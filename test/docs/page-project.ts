import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A folder with the files of a page, as a reader has it who copied them. */
export interface PageProject {
  /** Runs a file to its end and gives what it printed. Rejects when it fails. */
  run(file: string, env?: Record<string, string>, args?: readonly string[]): Promise<string>
  start(file: string, env?: Record<string, string>): PageProcess
  remove(): void
}

export interface PageProcess {
  /** Waits until the output has this. */
  says(text: RegExp): Promise<RegExpExecArray>
  stop(): Promise<void>
}

/** The files that a page shows: a block of code below a line that ends with a name in backticks and a colon. */
export function filesOf(page: string): Record<string, string> {
  const found = page.matchAll(/`([\w-]+\.[\w.-]+)`:\n\n *```\w+\n(.*?)^ *```/gms)
  return Object.fromEntries([...found].map(([, name, text]) => [name!, text!]))
}

export function pageProject(files: Record<string, string>): PageProject {
  // Below this folder, where the packages are found as in an application that has them installed.
  const parent = join(import.meta.dirname, '.tailrace')
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'page-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const nodeArgs = (file: string, args: readonly string[] = []) => [
    '--conditions=source',
    file,
    ...args,
  ]
  const options = (env: Record<string, string>) => ({
    cwd: folder,
    env: { ...process.env, ...env },
  })
  return {
    async run(file, env = {}, args = []) {
      const done = promisify(execFile)(process.execPath, nodeArgs(file, args), options(env))
      return (await done).stdout
    },
    start(file, env = {}) {
      const child = spawn(process.execPath, nodeArgs(file), options(env))
      return {
        async says(text) {
          let said = ''
          for await (const part of child.stdout) {
            const found = text.exec((said += part))
            if (found !== null) return found
          }
          throw new Error(`expected ${file} to say ${text}, got ${said}`)
        },
        async stop() {
          if (child.exitCode !== null || child.signalCode !== null) return
          const ended = once(child, 'exit')
          child.kill('SIGTERM')
          await ended
        },
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
