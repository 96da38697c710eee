import type { ReadStore } from 'tailrace/adapter'
import { publishingRequirements } from '../../packages/conformance/src/bus/publishing.ts'
import { subscribingRequirements } from '../../packages/conformance/src/bus/subscribing.ts'
import {
  appendRequirements,
  rowsFirstRequirements,
} from '../../packages/conformance/src/read-store/append.ts'
import { bulkTakeoverRequirements } from '../../packages/conformance/src/read-store/bulk-takeovers.ts'
import { checkpointRequirements } from '../../packages/conformance/src/read-store/checkpoints.ts'
import { declaredFindRequirements } from '../../packages/conformance/src/read-store/declared-finding.ts'
import { documentRequirements } from '../../packages/conformance/src/read-store/documents.ts'
import {
  findRequirements,
  rowsRequirements,
} from '../../packages/conformance/src/read-store/finding.ts'
import { parkingRequirements } from '../../packages/conformance/src/read-store/parking.ts'
import { sqlRequirements } from '../../packages/conformance/src/read-store/sql.ts'
import { versionRequirements } from '../../packages/conformance/src/read-store/versions.ts'
import { versionedRequirements } from '../../packages/conformance/src/read-store/versioned.ts'
import { busAdapters, storeAdapters, testsIn } from './adapters.ts'

interface Group {
  readonly title: string
  readonly requirements: readonly { readonly name: string }[]
  /** Of whom it is asked: as in `readStoreSuite`. */
  readonly asked: (store: ReadStore) => boolean
}

const groups: readonly Group[] = [
  {
    title: 'Every store',
    requirements: [
      ...checkpointRequirements,
      ...documentRequirements,
      ...bulkTakeoverRequirements,
      ...parkingRequirements,
      ...versionRequirements,
    ],
    asked: () => true,
  },
  {
    title: 'Documents before their checkpoint (`versioned`, `append`)',
    requirements: versionedRequirements,
    asked: ({ guarantee }) => guarantee !== 'transactional',
  },
  {
    title: 'Rows that are appended',
    requirements: [...appendRequirements(async (store) => store), ...rowsRequirements],
    asked: ({ capabilities }) => capabilities.rows,
  },
  {
    title: 'Rows before their checkpoint (`append`)',
    requirements: rowsFirstRequirements,
    asked: ({ guarantee, capabilities }) => guarantee !== 'transactional' && capabilities.rows,
  },
  {
    title: 'Finding by declared lookups',
    requirements: declaredFindRequirements,
    asked: ({ capabilities }) => !!capabilities.find,
  },
  {
    title: 'Finding by any filter, text and facets',
    requirements: findRequirements,
    asked: ({ capabilities }) => capabilities.find === true,
  },
  {
    title: 'SQL projections',
    requirements: sqlRequirements,
    asked: ({ capabilities }) => capabilities.sql,
  },
]

/** The text of docs/reference/guarantees.md. */
export function adapterGuarantees(): string {
  return `<!-- Made by \`npm run adapter-guarantees\` from what the adapters declare and from the suites; do not edit. -->

# Adapters, what they guarantee, and the tests

A store says its guarantee and its capabilities, and the suite of its port asks of it what it says: each requirement below is one test per
store that is marked, on the real engine. [packages/conformance](../../packages/conformance) has the suites, for adapters of yours, too.

| Store | Guarantee | find | text | facets | rows | sql | seen when written |
| --- | --- | --- | --- | --- | --- | --- | --- |
${storeAdapters.map(storeLine).join('\n')}

${groups.map(groupSection).join('\n\n')}

## Faults, traps, and what is the adapter's own

${storeAdapters.map(testsLine).join('\n')}

## Buses

${busAdapters.map(testsLine).join('\n')}

${[...publishingRequirements, ...subscribingRequirements].map(({ name }) => `- ${name}`).join('\n')}
`
}

function storeLine({ title, page, store }: (typeof storeAdapters)[number]): string {
  const { find, text, facets, rows, sql, visibleOnWrite } = store.capabilities
  const finds = find === 'declared' ? 'declared lookups' : mark(find)
  const marks = [text, facets, rows, sql, visibleOnWrite].map(mark).join(' | ')
  return `| [${title}](../../${page}) | \`${store.guarantee}\` | ${finds} | ${marks} |`
}

function mark(yes: boolean): string {
  return yes ? '✓' : ''
}

function groupSection({ title, requirements, asked }: Group): string {
  const asks = storeAdapters.filter(({ store }) => asked(store)).map((one) => one.title)
  return `## ${title.replaceAll('`', '')}

Asked of: ${asks.join('; ')}.

${requirements.map(({ name }) => `- ${name}`).join('\n')}`
}

function testsLine({ title, folder }: { readonly title: string; readonly folder: string }): string {
  const files = testsIn(folder).map((path) => `[${path.split('/').at(-1)}](../../${path})`)
  return `- **${title}**: ${files.join(', ')}`
}
