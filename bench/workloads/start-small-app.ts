import { postgres } from '@tailrace/postgres'
import { start, type Running, type StartOptions } from 'tailrace'
import type { Lab, LabDatabase } from '../engines/lab.ts'
import { smallApp, smallTables } from './small-app.ts'

export interface SmallAppOptions extends Pick<StartOptions, 'executor'> {
  /** Connections for commands. Default: that of the product. */
  readonly commandConnections?: number
}

/** A process that takes commands of the small app, on a database of its own. */
export async function startSmallApp(
  lab: Lab,
  { commandConnections, ...options }: SmallAppOptions = {},
): Promise<{ readonly running: Running; readonly write: LabDatabase }> {
  const write = await lab.database('write')
  await write.run(smallTables)
  const running = await start(smallApp, {
    write: postgres({
      url: write.url,
      ...(commandConnections === undefined
        ? {}
        : { connections: { commands: commandConnections } }),
    }),
    stores: {},
    roles: ['api'],
    doorbell: false,
    ...options,
  })
  return { running, write }
}

/** Sends a command that must be accepted. */
export async function sendAccepted(
  { engine }: Running,
  name: string,
  input: unknown,
): Promise<void> {
  const outcome = await engine.command(name, input)
  if (outcome.kind !== 'committed')
    throw new Error(`expected "${name}" to be accepted, got ${JSON.stringify(outcome)}`)
}
