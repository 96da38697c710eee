import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cachedFolder } from '../engines/engine-cache.ts'
import { runProgram } from '../engines/run-program.ts'

const requirements = join(import.meta.dirname, '../../examples/python-consumer/requirements.txt')

/**
 * The Python that runs examples/python-consumer, with its one dependency: `TAILRACE_PYTHON`, else a virtual environment in
 * the cache. Returns why there is none; undefined when the tests find it in `TAILRACE_PYTHON`.
 */
export async function preparePython(): Promise<string | undefined> {
  if (process.env['TAILRACE_PYTHON'] !== undefined) return undefined
  try {
    const folder = await cachedFolder('python-consumer-1', async (draft) => {
      await runProgram('python3', ['-m', 'venv', draft])
      await runProgram(join(draft, 'bin/python'), [
        '-m',
        'pip',
        'install',
        '-q',
        '-r',
        requirements,
      ])
    })
    const python = join(folder, 'bin/python')
    if (!existsSync(python)) return `no Python at ${python}`
    process.env['TAILRACE_PYTHON'] = python
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
