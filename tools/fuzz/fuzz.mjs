#!/usr/bin/env node
// npm run fuzz -- --minutes N: the fuzz tests with new inputs for N minutes each; without it as the test suite runs them.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const usage = `npm run fuzz -- [options]: the fuzz tests of test/tools/fuzz with new inputs.

  --minutes N   each test goes on for N minutes; 0 (the default): as often as in the test suite
  --only TEXT   only the tests whose title has this text
`
const values = read()
if (values.help) {
  process.stdout.write(usage)
  process.exit(0)
}
if (!(Number(values.minutes) >= 0)) refuse(`--minutes takes a number, not "${values.minutes}".`)
const vitest = join('node_modules', 'vitest', 'vitest.mjs')
const only = values.only ? ['-t', values.only] : []
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/tools/fuzz', ...only], {
  stdio: 'inherit',
  env: { ...process.env, PAINLENS_FUZZ_MINUTES: values.minutes }
})
process.exit(status ?? 1)

function read() {
  const options = {
    minutes: { type: 'string', default: '0' },
    only: { type: 'string' },
    help: { type: 'boolean', short: 'h' }
  }
  try {
    return parseArgs({ options }).values
  } catch (error) {
    return refuse(error.message)
  }
}

function refuse(why) {
  process.stderr.write(`${why}\n\n${usage}`)
  process.exit(2)
}
