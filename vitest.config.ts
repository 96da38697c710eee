import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Workspaces are imported from their sources: a checkout needs no build.
  resolve: { conditions: ['source', 'node', 'module', 'default'] },
  ssr: { resolve: { conditions: ['source', 'node', 'module', 'default'] } },
  test: {
    include: ['{packages,systems,bench,scripts,test}/**/*.test.{ts,tsx}'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    execArgv: ['--conditions=source'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    maxWorkers: 2,
    restoreMocks: true,
    unstubEnvs: true,
  },
})
