import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  // Packages of this repository are taken from their sources: no build of theirs is needed.
  resolve: { conditions: ['source', 'browser', 'module', 'import', 'default'] },
  build: { outDir: 'dist', emptyOutDir: true, sourcemap: false, chunkSizeWarningLimit: 600 },
  server: {
    proxy: {
      '/commands': proxied(),
      '/queries': proxied(),
      '/live': proxied(),
      '/status': proxied(),
      '/offers.json': proxied(),
    },
  },
})

function proxied(): string {
  return process.env.ORDERS_URL ?? 'http://127.0.0.1:3000'
}
