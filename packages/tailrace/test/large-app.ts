/**
 * The source of an application with many commands, as a user would write it: per aggregate two tables, three events, five
 * commands with rejections, a projection and a query. For measuring what the types cost.
 */
export function largeApp(commands: number): string {
  const numbers = Array.from({ length: commands / 5 }, (_, n) => n)
  const parts = numbers.map(aggregateSource)
  const list = (name: string): string => numbers.map((n) => name + n).join(', ')
  const changes = numbers.flatMap((n) => [0, 1, 2, 3, 4].map((i) => `change${n}_${i}`)).join(', ')
  return `import { aggregate, app, conflict, event, eventual, many, projection, query, rule, table, type Surface } from 'tailrace'
import { z } from 'zod'

${parts.join('\n')}
export const large = app({
  aggregates: { ${list('Thing')} },
  commands: { ${changes} },
  projections: { ${list('Model')} },
  queries: { ${list('ask')} },
})
type Client = Surface<typeof large, undefined, undefined>
export async function use({ commands, queries }: Client): Promise<string> {
  const result = await commands.change0_0({ id: 'a', amount: 1 })
  if (!result.ok) return result.code
  return (await queries.ask0({ id: 'a' })).data?.name ?? ''
}
`
}

function aggregateSource(n: number): string {
  const commands = Array.from({ length: 5 }, (_, i) => commandSource(n, i)).join('\n')
  return `const Made${n} = event('Made${n}', z.object({ name: z.string(), amount: z.int() }))
const Moved${n} = event('Moved${n}', z.object({ line: z.int(), amount: z.int() }))
const Ended${n} = event('Ended${n}', z.object({ reason: z.enum(['a', 'b']) }))
const Thing${n} = aggregate('thing${n}', {
  id: z.uuid(),
  rows: {
    thing: table('things${n}', z.object({ id: z.uuid(), version: z.int(), name: z.string(), amount: z.int(), ended: z.boolean() })),
    lines: many('lines${n}', z.object({ thingId: z.uuid(), line: z.int(), amount: z.int() }), ['thingId', 'line']),
  },
  events: [Made${n}, Moved${n}, Ended${n}],
  write: {
    Made${n}: ({ data }, to) => [to.thing.insert({ name: data.name, amount: data.amount, ended: false })],
    Moved${n}: ({ data, id }, to) => [to.lines.insert({ thingId: id, line: data.line, amount: data.amount })],
    Ended${n}: (_, to) => [to.thing.update({ ended: true })],
  },
})
${commands}
const Model${n} = projection('model${n}', {
  version: 1,
  from: Thing${n}.events,
  document: z.object({ id: z.string(), name: z.string(), amount: z.int() }),
  key: (e) => e.stream,
  lookup: { by: [['name']] },
  on: {
    Made${n}: (e) => ({ id: e.stream, name: e.data.name, amount: e.data.amount }),
    Moved${n}: (e, doc) => doc && { ...doc, amount: doc.amount + e.data.amount },
  },
  otherwise: 'ignore',
})
const ask${n} = query('ask${n}', {
  input: z.object({ id: z.string() }),
  reads: { model: Model${n} },
  may: 'authenticated',
  freshness: eventual({ wait: '2s' }),
  run: async ({ model }, { id }) => (await model.get(id)) ?? null,
})
`
}

function commandSource(n: number, i: number): string {
  return `const change${n}_${i} = Thing${n}.command('change${n}_${i}', {
  input: z.object({ id: z.string(), amount: z.int() }),
  target: (input) => input.id,
  on: 'existing',
  may: ({ actor, rows }) => actor.role === 'support' || rows.thing.name === actor.id,
  rejections: { ENDED: conflict(), TOO_MUCH: rule(z.object({ left: z.int() })) },
  decide({ input, rows, reject }) {
    if (rows.thing.ended) return reject.ENDED()
    if (rows.thing.amount < input.amount) return reject.TOO_MUCH({ left: rows.thing.amount })
    return [Moved${n}({ line: rows.lines.length + 1, amount: input.amount })]
  },
})`
}
