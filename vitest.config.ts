import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // The tools import the daemon's modules from the build; under test, from its sources.
  resolve: {
    alias: [{ find: /^#painlens\/(.*)\.js$/, replacement: fileURLToPath(new URL('src/$1.ts', import.meta.url)) }]
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build-first.ts'],
    pool: 'forks',
    poolOptions: { forks: { minForks: 1, maxForks: 2 } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000
  }
})
