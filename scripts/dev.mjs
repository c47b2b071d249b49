#!/usr/bin/env node
// npm run dev [-- PART OF A TEST'S PATH …]: compiles what changes, for worker threads and processes, and runs the tests of it.
// Ends with q or Ctrl-C. The first build is waited for; from then on the compiler and vitest watch side by side.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { stripVTControlCharacters } from 'node:util'
import { build } from './build.mjs'

try {
  build()
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}
const node = (path, args, stdio) => spawn(process.execPath, [join('node_modules', ...path), ...args], { stdio })
const compiler = node(
  ['typescript', 'bin', 'tsc'],
  ['-p', '.', '--watch', '--preserveWatchOutput'],
  ['ignore', 'inherit', 'inherit']
)
const tests = process.argv.slice(2)
// Without a part of a path, the unit tests: the rest take minutes, and compete for ports and cores.
const vitest = node(
  ['vitest', 'vitest.mjs'],
  ['watch', ...(tests.length > 0 ? tests : ['--project', 'unit', '--changed'])],
  ['inherit', 'inherit', 'pipe']
)
printWithoutListing(vitest.stderr)
// A terminal sends Ctrl-C to all three; this one waits for the others.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => vitest.kill('SIGTERM'))
vitest.on('exit', (code) => {
  compiler.kill('SIGTERM')
  process.exitCode = code ?? 1
})
compiler.on('exit', () => vitest.exitCode ?? vitest.kill('SIGTERM'))

/** Where no test is affected, as in a clean clone, vitest lists its projects with every file that they include and exclude. */
function printWithoutListing(stream) {
  let isListing = false
  createInterface(stream).on('line', (line) => {
    const text = stripVTControlCharacters(line).trim()
    const isPart = text === '' || /^\W*(?:unit|rest)\W*$/.test(text)
    isListing = /^(?:filter|projects|include|exclude): /.test(text) || (isListing && isPart)
    if (!isListing) process.stderr.write(`${line}\n`)
  })
}
