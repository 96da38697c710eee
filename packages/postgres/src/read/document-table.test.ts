import { event, projection } from 'tailrace'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { documentTable } from './document-table.ts'

const Noted = event('Noted', z.object({}))

const looking = (by: string) => () =>
  documentTable(
    projection('p', {
      version: 1,
      from: [Noted],
      document: z.object({ name: z.string(), n: z.object({ a: z.int() }) }),
      key: (e) => e.stream,
      lookup: { by: [[by as 'name']] },
      on: { Noted: () => null },
    }),
    '"s"',
  )

test('a lookup by a property that is an object says so, and suggests no property of that name', () => {
  expect(looking('n')).toThrow('of its document schema, got "n", which is an object')
  expect(looking('n')).not.toThrow('did you mean')
  expect(looking('nane')).toThrow('got "nane"; did you mean "name"?')
  expect(looking('name')).not.toThrow()
})
