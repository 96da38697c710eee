import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { filesOf, pageProject } from './page-project.ts'

const page = readFileSync(`${import.meta.dirname}/../../docs/declare.md`, 'utf8')

test('the snippets of the page, one after the other, are an application that runs', async () => {
  const files = filesOf(page)
  const snippets = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, text]) => text!)
  const shop = snippets.filter((text) => text !== files['main.ts']).join('\n')
  const project = pageProject({ ...files, 'shop.ts': shop })
  try {
    const said = await project.run('main.ts', { PORT: '0' })
    expect(said).toContain("{ ok: false, code: 'VERSION_CONFLICT', detail: { current: 2 } }")
    expect(said).toMatch(/mail [\da-f-]+\/1 about [\da-f-]+/)
    expect(said).toMatch(/status: '(paid|picked)'/)
    expect(said).toContain("[ { sku: 'A', ordered: '2' } ]\n1\n")
  } finally {
    project.remove()
  }
}, 120_000)
