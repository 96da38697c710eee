import { faultProxy, type FaultProxy, type ProxyOptions } from './fault-proxy.ts'

/** One proxy between one process and one server. */
export interface Link {
  readonly process: string
  /** The name that the server's address has, such as `write` or `REDIS_URL`. */
  readonly server: string
  readonly proxy: FaultProxy
}

export type Addresses = Readonly<Record<string, string>>

/** All proxies of a world. */
export interface Links {
  readonly all: readonly Link[]
  /** The same addresses as a process sees them: those that have a proxy lead through it. */
  addressesFor<A extends Addresses>(process: string, addresses: A): A
  heal(): void
  close(): Promise<void>
}

/** Puts a proxy between every process and every server that has an address. */
export async function layLinks(processes: readonly string[], addresses: Addresses): Promise<Links> {
  const servers = Object.entries(addresses).flatMap(([server, address]) => {
    const target = targetOf(address)
    return target === undefined ? [] : [{ server, target }]
  })
  const all = await Promise.all(
    processes.flatMap((process) =>
      servers.map(async ({ server, target }) => ({
        process,
        server,
        proxy: await faultProxy(target),
      })),
    ),
  )
  return {
    all,
    addressesFor: <A extends Addresses>(process: string, given: A): A => {
      const own = all.filter((link) => link.process === process)
      return Object.fromEntries(
        Object.entries(given).map(([server, address]) => [
          server,
          through(address, own.find((link) => link.server === server)?.proxy.port),
        ]),
      ) as A
    },
    heal: () => all.forEach(({ proxy }) => proxy.heal()),
    close: async () => void (await Promise.all(all.map(({ proxy }) => proxy.close()))),
  }
}

/** A URL, or `host:port` of a Kafka broker, whose clients go where it says of itself; undefined for what is no address. */
function targetOf(address: string): ProxyOptions | undefined {
  const broker = /^([\d.]+):(\d+)$/.exec(address)
  if (broker !== null) {
    const [, host, port] = broker as unknown as [string, string, string]
    const advertised = (n: number): Buffer => {
      const bytes = Buffer.alloc(host.length + 4)
      bytes.write(host, 'latin1')
      bytes.writeInt32BE(n, host.length)
      return bytes
    }
    return {
      host,
      port: Number(port),
      rewrite: { find: advertised(Number(port)), replace: advertised },
    }
  }
  if (!/^\w+:\/\//.test(address)) return undefined
  const url = new URL(address)
  return { host: url.hostname, port: Number(url.port) }
}

function through(address: string, port: number | undefined): string {
  if (port === undefined) return address
  return address.replace(/:\d+(?=\/|$)/, `:${port}`)
}
