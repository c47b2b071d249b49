import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { SlowestFirst } from './test/order.js'
import { patience } from './test/support/slowness.js'
import { unitTests } from './test/unit.js'

const every = ['test/**/*.test.ts']
/** Says what each file costs, where that is asked for. */
const costs = process.env.PAINLENS_TEST_COSTS ? ['test/support/costs.ts'] : []
const limits = { testTimeout: patience(60_000), hookTimeout: patience(60_000), teardownTimeout: patience(10_000) }

export default defineConfig({
  // The tools import the daemon's modules from the build; under test, from its sources.
  resolve: {
    alias: [{ find: /^#painlens\/(.*)\.js$/, replacement: fileURLToPath(new URL('src/$1.ts', import.meta.url)) }]
  },
  test: {
    globalSetup: ['test/build-first.ts'],
    pool: 'forks',
    poolOptions: {
      // Most of the slow files wait for cameras and brokers rather than compute.
      forks: { minForks: 1, maxForks: Math.ceil(availableParallelism() * 1.5) },
      threads: { minThreads: 1, maxThreads: 1, isolate: false }
    },
    sequence: { sequencer: SlowestFirst },
    expect: { poll: { timeout: patience(20_000) } },
    ...limits,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: unitTests,
          // One thread for all of them, beside the processes of the rest: most take less time than a process takes to start.
          // Each file gets modules of its own all the same.
          pool: 'threads',
          poolOptions: { threads: { isolate: true } },
          setupFiles: [...costs, 'test/support/turns.ts', 'test/support/no-processes.ts', 'test/support/alone.ts']
        }
      },
      {
        extends: true,
        test: {
          name: 'rest',
          include: every,
          exclude: unitTests,
          setupFiles: [...costs, 'test/support/turns.ts', 'test/support/limits.ts']
        }
      }
    ]
  }
})
