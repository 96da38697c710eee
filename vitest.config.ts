import { defineConfig } from 'vitest/config'

// Workspaces are imported from their sources: a checkout needs no build.
const resolve = { conditions: ['source', 'node', 'module', 'default'] }

export default defineConfig({
  resolve,
  ssr: { resolve },
  // The environment in which vitest runs the global setup.
  environments: { __vitest__: { resolve } },
  test: {
    include: ['{packages,systems,bench,scripts,test}/**/*.test.{ts,tsx}'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    execArgv: ['--conditions=source'],
    globalSetup: 'test/support/global-setup.ts',
    testTimeout: 60_000,
    hookTimeout: 90_000,
    teardownTimeout: 20_000,
    maxWorkers: 2,
    // What is waited for comes when a busy machine gets to it.
    expect: { poll: { timeout: 15_000, interval: 20 } },
    restoreMocks: true,
    unstubEnvs: true,
  },
})
