#!/usr/bin/env node
// npm run fuzz -- --minutes N: the fuzz tests with new inputs for N minutes each; without it as the test suite runs them.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const usage = `npm run fuzz -- [--minutes N] [--only TEXT]: hostile bytes to every reader, each run from another seed

  --minutes N  how long each reader is tried; 0 is as in the suite (0)
  --only TEXT  the readers with this in their name
`

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '0' },
    only: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false }
  }
})
if (values.help) {
  process.stdout.write(usage)
  process.exit(0)
}
if (!(Number(values.minutes) >= 0)) {
  process.stderr.write(`--minutes takes a number, not "${values.minutes}".\n`)
  process.exit(2)
}
const vitest = join('node_modules', 'vitest', 'vitest.mjs')
const only = values.only ? ['-t', values.only] : []
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/tools/fuzz', ...only], {
  stdio: 'inherit',
  env: { ...process.env, PAINLENS_FUZZ_MINUTES: values.minutes }
})
process.exit(status ?? 1)
