import { promises, type NamedTest } from './promises.ts'
import { scenarios } from './scenarios.ts'

export const guaranteesPath = 'docs/guarantees.md'

/** Every test that the page names, the naive ones of scenarios included. */
export function namedTests(): NamedTest[] {
  return [
    ...scenarios.flatMap(({ test, naive }) => [
      test,
      ...(naive === undefined ? [] : [{ file: test.file, name: naive }]),
    ]),
    ...promises.flatMap(({ tests }) => tests),
  ]
}

export function namedInvariants(): string[] {
  return [...new Set(promises.flatMap(({ invariants }) => invariants))]
}

/** The text of docs/guarantees.md. */
export function guaranteesPage(): string {
  return `<!-- Made by \`npm run guarantees\` from scripts/guarantees; edit there. -->

# What is guaranteed, and what shows it

Each line below is a situation that is made to happen, on real servers, in every run of the tests. Beside most of them stands the
way that is written first, which fails in the same test run.

${scenarios.map(scenarioLine).join('\n')}

The rates at which read models are built are in [Performance](performance.md); they are measured, not tested.

## The promises

Each with its condition, and with the tests that fail when it is broken. Planted bugs are small wrong edits of the product that
\`npm run sim -- --planted\` must catch ([How it is tested](testing.md)); they are listed by the invariant that they break.

${promises.map(promiseSection).join('\n\n')}
`
}

function scenarioLine({ test, naive }: (typeof scenarios)[number], n: number): string {
  const beside = naive === undefined ? '' : ` Beside it: *${naive}.*`
  return `${n + 1}. **${sentence(test.name)}** ([test](../${test.file})).${beside}`
}

function promiseSection({
  promise,
  provided,
  tests,
  invariants,
}: (typeof promises)[number]): string {
  const planted =
    invariants.length === 0
      ? []
      : [`- planted bugs: ${invariants.join(', ')} in [planted](../packages/simulator/src/planted)`]
  return [
    `### ${promise.replace(/\.$/, '')}`,
    '',
    provided,
    '',
    ...tests.map(({ file, name }) => `- *${name}* ([${file.split('/').at(-1)}](../${file}))`),
    ...planted,
  ].join('\n')
}

function sentence(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1)
}
