#!/usr/bin/env node
// npm run hooks [-- --remove]: lint before each commit, in this clone. Nothing installs it but this command.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const mark = '# painlens: npm run hooks'
const script = `#!/bin/sh
${mark}
# The files that are being committed, as they lie in the working tree. git commit --no-verify goes without.
exec npx --no-install biome check --staged --error-on-warnings --no-errors-on-unmatched
`
const folder = execFileSync('git', ['rev-parse', '--git-path', 'hooks'], { encoding: 'utf8' }).trim()
const file = join(folder, 'pre-commit')
const isOurs = existsSync(file) && readFileSync(file, 'utf8').includes(mark)

if (process.argv[2] === '--remove') {
  if (isOurs) rmSync(file)
  say(isOurs ? `${file} is gone` : 'there is no hook of painlens')
} else if (existsSync(file) && !isOurs) {
  say(`${file} is another hook: add "npm run lint" to it, or move it away`)
  process.exitCode = 1
} else {
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, script, { mode: 0o755 })
  say(`${file} lints before each commit; npm run hooks -- --remove takes it away`)
}

function say(sentence) {
  process.stdout.write(`${sentence}\n`)
}
