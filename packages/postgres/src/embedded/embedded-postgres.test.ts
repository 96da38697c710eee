import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { isTailraceError } from 'tailrace/adapter'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { embeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.ts'
import { commandLine } from './process-identity.ts'
import { runningEmbeddedPostgres } from './running-embedded-postgres.ts'

const cleanups: (() => unknown)[] = []
const template = mkdtempSync(join(tmpdir(), 'tailrace-embedded-'))

// Making a cluster is slow; tests that are not about the first start begin with a copy of this one.
beforeAll(async () => {
  const server = await embeddedPostgres({ dataDir: template, database: 'shop' })
  await server.stop()
})

afterAll(() => rmSync(template, { recursive: true, force: true }))

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-embedded-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function usedFolder(): string {
  const folder = emptyFolder()
  cpSync(template, folder, { recursive: true })
  return folder
}

async function start(dataDir: string, port = 0): Promise<EmbeddedPostgres> {
  const server = await embeddedPostgres({ dataDir, database: 'shop', port })
  cleanups.push(() => server.stop())
  return server
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[]
  } finally {
    await client.end()
  }
}

/** Another process that starts a server and waits; resolves when its server takes connections. */
async function otherProcess(
  dataDir: string,
): Promise<{ child: ChildProcess; url: string; pid: number }> {
  const module = join(import.meta.dirname, 'embedded-postgres.ts')
  const program = `const { embeddedPostgres } = await import(${JSON.stringify(module)})
    const { url, pid } = await embeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, database: 'shop' })
    console.log(JSON.stringify({ url, pid })); setInterval(() => {}, 1000)`
  const child = spawn(
    process.execPath,
    ['--conditions=source', '--input-type=module', '-e', program],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  cleanups.push(() => child.kill('SIGKILL'))
  const [line] = (await once(child.stdout!, 'data')) as [Buffer]
  return { child, ...(JSON.parse(line.toString()) as { url: string; pid: number }) }
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

async function gone(pid: number): Promise<void> {
  while (commandLine(pid) !== undefined) await pause(20)
}

describe('an embedded server', () => {
  test('starts as a durable PostgreSQL 18 on the loopback interface and keeps its data between starts', async () => {
    const folder = emptyFolder()
    const first = await start(folder)
    await query(first.url, 'create table kept (id int primary key); insert into kept values (7)')
    const [settings] = await query(
      first.url,
      `select current_setting('server_version_num')::int / 10000 as major, current_setting('fsync') as fsync,
       current_setting('listen_addresses') as listen, current_setting('unix_socket_directories') as sockets,
       (select datcollate || '/' || datlocprovider::text from pg_database where datname = 'shop') as locale`,
    )
    expect(settings).toEqual({
      major: 18,
      fsync: 'on',
      listen: '127.0.0.1',
      sockets: '',
      locale: 'C.UTF-8/b',
    })
    await first.stop()
    await first.stop()
    expect(commandLine(first.pid)).toBeUndefined()

    const second = await start(folder)
    expect(await query(second.url, 'select id from kept')).toEqual([{ id: 7 }])
  })

  test('refuses a connection without the password', async () => {
    const server = await start(usedFolder())
    const url = server.url.replace(/:[^:@]+@/, ':wrong@')
    await expect(query(url, 'select 1')).rejects.toMatchObject({ code: '28P01' })
  })

  test('recovers what was committed after kill -9 of its first process', async () => {
    const folder = usedFolder()
    const first = await start(folder)
    await query(
      first.url,
      'create table kept (id int primary key); insert into kept values (1), (2)',
    )
    process.kill(first.pid, 'SIGKILL')
    await first.ended
    await first.stop()

    const second = await start(folder)
    expect(await query(second.url, 'select count(*)::int as n from kept')).toEqual([{ n: 2 }])
  })

  test('starts again on the same port when it is killed, where that is wanted, and stays down once it is stopped', async () => {
    const server = await embeddedPostgres({
      dataDir: usedFolder(),
      database: 'shop',
      restart: true,
    })
    cleanups.push(() => server.stop())
    const { pid, url } = server
    await query(url, 'create table kept (id int primary key); insert into kept values (5)')
    process.kill(pid, 'SIGKILL')
    await vi.waitFor(
      async () => expect(await query(url, 'select id from kept')).toEqual([{ id: 5 }]),
      { timeout: 15_000, interval: 50 },
    )
    expect(server.pid).not.toBe(pid)
    await server.stop()
    await server.ended
    expect(commandLine(server.pid)).toBeUndefined()
  })

  test('starts although the number of its killed process belongs to another program now', async () => {
    const folder = usedFolder()
    const first = await start(folder)
    const file = join(folder, 'cluster', 'postmaster.pid')
    process.kill(first.pid, 'SIGKILL')
    await first.ended
    const stranger = spawn('sleep', ['60'])
    cleanups.push(() => stranger.kill('SIGKILL'))
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^\d+/, String(stranger.pid)))

    const second = await start(folder)
    expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  test('runs beside a second one, each with its own port and system identifier', async () => {
    const servers = await Promise.all([start(emptyFolder()), start(emptyFolder())])
    const ids = await Promise.all(
      servers.map(({ url }) => query(url, 'select system_identifier from pg_control_system()')),
    )
    expect(servers[0].port).not.toBe(servers[1].port)
    expect(ids[0]).not.toEqual(ids[1])
  })

  test('says that the port it was given is taken, and starts on any other', async () => {
    const folder = usedFolder()
    const listener = createServer().listen(0, '127.0.0.1')
    cleanups.push(() => listener.close())
    await once(listener, 'listening')
    const { port } = listener.address() as AddressInfo
    const refusal = await start(folder, port).catch((error: unknown) => error)
    expect(isTailraceError(refusal) && refusal.details).toMatchObject({
      reason: 'PORT_TAKEN',
      port,
    })

    const server = await start(folder)
    expect(server.port).not.toBe(port)
  })

  test('finishes what a process that was killed during the first start left half made', async () => {
    const folder = emptyFolder()
    mkdirSync(join(folder, 'cluster.new-1', 'base'), { recursive: true })
    await start(folder)
    expect(readdirSync(folder).filter((name) => name.startsWith('cluster'))).toEqual(['cluster'])
  })

  test('says which setting it does not take', async () => {
    const starting = embeddedPostgres({
      dataDir: usedFolder(),
      database: 'shop',
      settings: { shared_bufers: '1GB' },
    })
    await expect(starting).rejects.toThrow(/shared_bufers/)
  })
})

describe('the process that owns the server', () => {
  test('is alone on its folder: a second one is refused, and finds the running server instead', async () => {
    const folder = usedFolder()
    const { child, url, pid } = await otherProcess(folder)
    const refusal = await start(folder).catch((error: unknown) => error)
    expect(isTailraceError(refusal) && refusal.details).toMatchObject({
      reason: 'FOLDER_IN_USE',
      pid: child.pid,
    })
    expect(runningEmbeddedPostgres(folder, 'shop')).toMatchObject({ url, pid, ownerPid: child.pid })
    await killed(child)
    expect(runningEmbeddedPostgres(folder, 'shop')).toBeUndefined()
    await gone(pid)
  })

  test('takes the server with it when it is killed; the next start continues with the data', async () => {
    const folder = usedFolder()
    const { child, url, pid } = await otherProcess(folder)
    await query(url, 'create table kept (id int primary key); insert into kept values (3)')
    await killed(child)
    const next = await start(folder)
    expect(commandLine(pid)).toBeUndefined()
    expect(await query(next.url, 'select id from kept')).toEqual([{ id: 3 }])
  })

  test.runIf(process.platform === 'linux')(
    'may leave a server behind: the next start stops it first',
    async () => {
      const folder = usedFolder()
      const { child, url, pid } = await otherProcess(folder)
      await query(url, 'create table kept (id int primary key); insert into kept values (4)')
      const lifeline = readdirSync('/proc').find(
        (id) => /^\d+$/.test(id) && commandLine(Number(id))?.endsWith(`"$0" ${pid}`),
      )
      process.kill(Number(lifeline), 'SIGKILL')
      await killed(child)
      expect(commandLine(pid)).toContain('postgres')

      const next = await start(folder)
      expect(commandLine(pid)).toBeUndefined()
      expect(await query(next.url, 'select id from kept')).toEqual([{ id: 4 }])
    },
  )
})
