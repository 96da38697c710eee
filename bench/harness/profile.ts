import { mkdirSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { join } from 'node:path'

/** Runs `body` and writes a CPU profile of this process during it, for the browser's or an editor's profile viewer. */
export async function profiled<T>(
  folder: string,
  name: string,
  body: () => Promise<T>,
): Promise<T> {
  mkdirSync(folder, { recursive: true })
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: 500 })
    await session.post('Profiler.start')
    const result = await body()
    const { profile } = await session.post('Profiler.stop')
    writeFileSync(join(folder, `${name}.cpuprofile`), JSON.stringify(profile))
    return result
  } finally {
    session.disconnect()
  }
}
