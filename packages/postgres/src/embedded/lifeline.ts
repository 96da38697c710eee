import { spawn } from 'node:child_process'

/**
 * Stops the server when this process ends in any way, kill -9 included: a shell waits on a pipe that only this process
 * holds, and asks the server to shut down once the pipe breaks. Returns the function that calls it off.
 */
export function tieToThisProcess(pid: number): () => void {
  // Its own session, so that Ctrl-C in a terminal does not stop the server before the application has finished with it.
  const shell = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$0"', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.on('error', () => undefined)
  shell.stdin.on('error', () => undefined)
  shell.unref()
  const pipe = shell.stdin as typeof shell.stdin & { unref?: () => void }
  pipe.unref?.()
  return () => {
    shell.kill('SIGKILL')
  }
}
