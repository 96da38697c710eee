import { describe, expect, test } from 'vitest'
import { namedInvariants, namedTests } from '../guarantees/guarantees-page.ts'
import { allRules } from './all-rules.ts'
import { repositoryOf, type Finding } from './repository.ts'
import { functionLength } from './rules/function-length.ts'
import { longFunctions } from './exemptions.ts'

interface Plant {
  /** Files that break the rule, by path. */
  readonly breaks: Readonly<Record<string, string>>
  /** Files that are close to it and do not. */
  readonly keeps: Readonly<Record<string, string>>
  /** Where the findings are, as path or path:line. */
  readonly found: readonly string[]
}

const lines = (count: number, text = '// line') =>
  Array.from({ length: count }, () => text).join('\n')
const manifest = (json: object) => JSON.stringify(json)
const core = manifest({
  name: 'tailrace',
  exports: { '.': { source: './src/index.ts' }, './adapter': { source: './src/adapter.ts' } },
})
const lmdb = (dependencies: object) =>
  manifest({ name: '@tailrace/lmdb', exports: { '.': { source: './src/index.ts' } }, dependencies })

const plants: Readonly<Record<string, Plant>> = {
  'file length': {
    breaks: { 'packages/a/src/long.ts': lines(501), 'packages/a/src/long.test.ts': lines(801) },
    keeps: {
      'packages/a/src/short.ts': lines(500),
      'packages/a/src/short.test.ts': lines(800),
      'docs/long.md': lines(900),
    },
    found: ['packages/a/src/long.ts', 'packages/a/src/long.test.ts'],
  },
  'function length': {
    breaks: {
      'a.ts': `\nexport function long() {\n${lines(69)}\n}`,
      'b.ts': `export class B {\n  long() {\n${lines(69)}\n  }\n}`,
    },
    keeps: {
      'c.ts': `export const short = () => {\n${lines(68)}\n}`,
      'c.test.ts': `test('long', () => {\n${lines(90)}\n})`,
    },
    found: ['a.ts:2', 'b.ts:2'],
  },
  'file names': {
    breaks: {
      'packages/a/src/utils.ts': '',
      'packages/a/src/PascalCase.ts': '',
      'packages/a/src/read/index.ts': '',
    },
    keeps: {
      'packages/a/src/read-store.test.ts': '',
      'packages/a/src/index.ts': '',
      'vitest.config.ts': '',
    },
    found: [
      'packages/a/src/utils.ts',
      'packages/a/src/PascalCase.ts',
      'packages/a/src/read/index.ts',
    ],
  },
  'dead files': {
    breaks: {
      'packages/a/src/forgotten.ts': "import './used.ts'",
      'packages/a/src/only-tested.ts': '',
      'packages/a/src/only-tested.test.ts': "import './only-tested.ts'",
    },
    keeps: {
      'packages/a/package.json': manifest({
        name: 'a',
        exports: { '.': { source: './src/index.ts' } },
      }),
      'packages/a/src/index.ts':
        "export * from './used.ts'\nnew Worker(new URL('./worker.ts', import.meta.url))",
      'packages/a/src/used.ts': "export type { T } from './typed.ts'",
      'packages/a/src/typed.ts': 'export type T = 1',
      'packages/a/src/worker.ts': '',
      'package.json': manifest({
        scripts: { start: 'node --conditions=source systems/a/main.ts' },
      }),
      'systems/a/main.ts': "await import('a')",
      'systems/a/web/index.html': '<script type="module" src="/page.tsx"></script>',
      'systems/a/web/page.tsx': 'export const page = <p />',
      'vitest.config.ts': "export default { globalSetup: 'test/support/setup.ts' }",
      'test/support/setup.ts': '',
    },
    found: ['packages/a/src/forgotten.ts', 'packages/a/src/only-tested.ts'],
  },
  'import cycles': {
    breaks: {
      'a.ts': "import './b.ts'",
      'b.ts': "import { c } from './c.ts'",
      'c.ts': "export * from './a.ts'",
    },
    keeps: {
      'd.ts': "import type { E } from './e.ts'\nimport { type F } from './e.ts'",
      'e.ts': "import './d.ts'",
    },
    found: ['a.ts'],
  },
  'package imports': {
    breaks: {
      'packages/lmdb/src/a.ts': "import { start } from 'tailrace'",
      'packages/lmdb/src/b.ts': "\nimport type { Tables } from '@tailrace/postgres'",
      'packages/lmdb/src/c.ts': "import pg from 'pg'",
      'packages/lmdb/src/d.ts':
        "import '../../tailrace/src/index.ts'\nimport './e.ts'\nexport * from '../../../test/support/postgres.ts'",
      'packages/tailrace/src/e.ts': "import { lmdb } from '@tailrace/lmdb'",
    },
    keeps: {
      'packages/tailrace/package.json': core,
      'packages/postgres/package.json': manifest({ name: '@tailrace/postgres' }),
      'packages/lmdb/package.json': lmdb({ lmdb: '1', tailrace: '1', '@tailrace/postgres': '1' }),
      'packages/lmdb/src/f.ts':
        "import type { App } from 'tailrace'\nimport { slotOf } from 'tailrace/adapter'\nimport { open } from 'lmdb'",
      'packages/lmdb/src/f.test.ts': "import { start } from 'tailrace'",
    },
    found: [
      'packages/lmdb/src/a.ts:1',
      'packages/lmdb/src/b.ts:2',
      'packages/lmdb/src/c.ts:1',
      'packages/lmdb/src/d.ts:1',
      'packages/lmdb/src/d.ts:3',
      'packages/tailrace/src/e.ts:1',
    ],
  },
  'adapter names': {
    breaks: {
      'packages/tailrace/src/a.ts': "if (store.name === 'redis') warm()",
      'packages/lmdb/src/b.ts': '\nexport const isPostgresStore = true',
      'systems/orders/read/c.ts': "import { kafka } from '@tailrace/kafka'",
    },
    keeps: {
      'packages/tailrace/src/d.ts':
        "// such as redis\nexport const text = 'needs PostgreSQL 15'\nexport class D { constructor() {} }",
      'packages/redis/src/e.ts': "export const name = 'redis'",
      'systems/orders/main.ts': "import { postgres } from '@tailrace/postgres'",
      'packages/tailrace/src/f.test.ts': "expect(name).toBe('redis')",
    },
    found: [
      'packages/tailrace/src/a.ts:1',
      'packages/lmdb/src/b.ts:2',
      'systems/orders/read/c.ts:1',
      'systems/orders/read/c.ts:1',
    ],
  },
  determinism: {
    breaks: {
      'packages/tailrace/src/a.ts':
        'Date.now()\nnew Date()\nMath.random()\nsetTimeout(f, 1)\nfetch(url)\ncrypto.randomUUID()\nglobalThis.setTimeout(f)',
      'packages/tailrace/src/b.ts':
        "import { setTimeout as pause } from 'node:timers/promises'\nimport { createHash, randomBytes } from 'node:crypto'",
    },
    keeps: {
      'packages/tailrace/src/c.ts':
        "import { createHash } from 'node:crypto'\n" +
        '// Date.now()\nnew Date(ms)\nclock.setTimeout(f)\nstore.fetch(key)\nconst now = { fetch: 1 }',
      'packages/tailrace/src/run/system-clock.ts': 'Date.now()',
      'packages/tailrace/src/c.test.ts': 'Date.now()',
      'packages/http/src/d.ts': 'Date.now()',
    },
    found: [1, 2, 3, 4, 5, 6, 7]
      .map((line) => `packages/tailrace/src/a.ts:${line}`)
      .concat('packages/tailrace/src/b.ts:1', 'packages/tailrace/src/b.ts:2'),
  },
  'root files': {
    breaks: { 'plan.md': '', 'notes/a.md': '' },
    keeps: { 'README.md': '', 'packages/a/plan.md': '', '.ci/run': '' },
    found: ['plan.md', 'notes'],
  },
  'doc links': {
    breaks: { 'docs/a.md': '[gone](gone.md)\n[gone](b.md#gone)\n[above](../packages/none)' },
    keeps: {
      'docs/b.md':
        '# What it is: one `thing`\n[a](a.md) [itself](#what-it-is-one-thing) [web](https://example.org)\n```\n[x](y)\n```\n`[x](y)`',
    },
    found: ['docs/a.md:1', 'docs/a.md:2', 'docs/a.md:3'],
  },
  'machine paths': {
    breaks: {
      'a.ts': `const path = '${['', 'home', 'me', 'a'].join('/')}'`,
      'package-lock.json': `{\n"${'resolved'}": "https://example.org/a.tgz"}`,
    },
    keeps: {
      'b.ts':
        "const path = './home/me'\nconst url = 'https://example.org/home/me'\nconst chromium = '/usr/bin/chromium'",
    },
    found: ['a.ts:1', 'package-lock.json:2'],
  },
  guarantees: {
    // Another page, no test that it names but one, no planted bug but one.
    breaks: { 'docs/guarantees.md': 'promises' },
    keeps: {
      [namedTests()[0]!.file]: namedTests()[0]!.name,
      'packages/simulator/src/planted/log-bugs.ts': `invariant: '${namedInvariants()[0]}'`,
    },
    found: Array.from(
      { length: namedTests().length + namedInvariants().length - 1 },
      () => 'docs/guarantees.md',
    ),
  },
}

const place = ({ path, line }: Finding) => (line === undefined ? path : `${path}:${line}`)

describe('each rule', () => {
  test.each(allRules.map((rule) => [rule.name, rule] as const))(
    'catches what breaks it, and only that: %s',
    (name, rule) => {
      const plant = plants[name]!
      // Exemptions are of this repository: here, nothing needs them.
      const findings = [...rule.check(repositoryOf({ ...plant.breaks, ...plant.keeps }))].filter(
        (finding) => longFunctions.every(({ path }) => path !== finding.path),
      )
      expect(findings.map(place).toSorted()).toEqual([...plant.found].toSorted())
      for (const { message } of findings) expect(message).toMatch(/^expected .+/)
    },
  )
})

test('an exemption that nothing needs any more is reported', () => {
  const rule = functionLength([{ path: 'a.ts', name: 'long', reason: 'planted' }])
  expect([...rule.check(repositoryOf({ 'a.ts': `function long() {\n${lines(80)}\n}` }))]).toEqual(
    [],
  )
  expect([...rule.check(repositoryOf({ 'a.ts': 'function long() {}' }))].map(place)).toEqual([
    'a.ts',
  ])
})
