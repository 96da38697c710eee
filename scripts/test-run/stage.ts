import { spawn } from 'node:child_process'
import { join } from 'node:path'

/** One part of `npm test`. */
export interface Stage {
  readonly name: string
  run(): Promise<StageResult>
}

export interface StageResult {
  readonly passed: number
  readonly failed: number
  /** What was not run, and why, one line each. */
  readonly notRun: readonly string[]
}

const root = join(import.meta.dirname, '..', '..')
const programs = join(root, 'node_modules', '.bin')

/** Runs a program with its output passed on as it comes. Resolves to its exit code; a signal counts as 1. */
export function runProgram(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<number> {
  return new Promise((done, failed) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      // The programs of this checkout first, its own Node among them.
      env: { ...process.env, ...env, PATH: `${programs}:${process.env['PATH']}` },
    })
    const pass = (signal: NodeJS.Signals) => child.kill(signal)
    process.on('SIGINT', pass).on('SIGTERM', pass)
    child.once('error', failed)
    child.once('close', (code) => {
      process.off('SIGINT', pass).off('SIGTERM', pass)
      done(code ?? 1)
    })
  })
}

/** A stage that is one program: it passes when the program exits with 0. */
export function programStage(name: string, command: string, ...args: string[]): Stage {
  return {
    name,
    async run() {
      const passed = (await runProgram(command, args)) === 0
      return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, notRun: [] }
    },
  }
}
