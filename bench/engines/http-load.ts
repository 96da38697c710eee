import { fork } from 'node:child_process'
import type { LoadRequest, LoadAnswer } from './http-load-child.ts'

/** Keeps connections busy from a process of its own: each sends its next request when the last one is answered. */
export function httpLoad(request: LoadRequest): Promise<LoadAnswer> {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('./http-load-child.ts', import.meta.url), {
      execArgv: ['--conditions=source'],
    })
    let answer: LoadAnswer | undefined
    child.on('message', (message) => {
      answer = message as LoadAnswer
      child.disconnect()
    })
    child.on('error', reject)
    child.on('exit', (code) => {
      if (answer === undefined)
        reject(new Error(`expected figures of the load, got exit code ${code}`))
      else if (answer.failure !== undefined) reject(new Error(answer.failure))
      else resolve(answer)
    })
    child.send(request)
  })
}
