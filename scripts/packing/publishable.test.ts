import { expect, test } from 'vitest'
import { inBuildOrder, publishedManifest, readmeOf, type Publishable } from './publishable.ts'

const named = (name: string, ...needs: string[]): Publishable => ({
  folder: name,
  manifest: {
    name,
    version: '1.0.0',
    exports: {},
    peerDependencies: Object.fromEntries(needs.map((need) => [need, '1'])),
  },
})

test('builds each package after the ones it needs', () => {
  const ordered = inBuildOrder([
    named('cli', 'admin', 'commander'),
    named('admin', 'core'),
    named('core'),
  ])
  expect(ordered.map(({ folder }) => folder)).toEqual(['core', 'admin', 'cli'])
})

test('says which packages need each other', () => {
  expect(() => inBuildOrder([named('a', 'b'), named('b', 'a'), named('c')])).toThrow(
    'got a cycle among a, b',
  )
})

test('publishes what is built, never the sources as an entry', () => {
  const exports = {
    '.': { source: './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' },
  }
  const manifest = publishedManifest({ name: 'a', version: '1.0.0', exports })
  expect(manifest.exports).toEqual({
    '.': { types: './dist/index.d.ts', default: './dist/index.js' },
  })
})

test('a tarball says what is in it, and where its documentation is', () => {
  const readme = readmeOf({
    name: 'a',
    version: '1.0.0',
    description: 'Counts',
    exports: { '.': {}, './testing': {} },
    peerDependencies: { react: '>=18' },
  })
  expect(readme).toMatch(/^# a 1\.0\.0\n\nCounts\.\n/)
  expect(readme).toContain('- `a`\n- `a/testing`\n\nInstalled beside it: `react` >=18.\n')
  expect(readme).toContain('start.md')
})
