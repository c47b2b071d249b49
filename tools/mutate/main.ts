#!/usr/bin/env node
/** `npm run mutate -- FILE…`: which changes of a constant, a comparison or a rounding does no test notice? */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createVitest, type TestSpecification, type Vitest } from 'vitest/node'
import { childrenOf } from '../bench/children.js'
import { copyOfRepository } from '../repository-copy.js'
import { type Mutant, mutantsOf, mutated } from './mutants.js'

const help = `npm run mutate -- [--tests TEXT]… [--lines FROM-TO] [--list] FILE…

Changes each number, comparison and rounding of a source, one at a time, and runs the tests that import it, in a copy of
the repository. What it prints are the changes that no test notices. Processes and worker threads run the build, which is
not changed: what a file does there needs --tests of what runs in the test itself.

  --tests TEXT     only test files with this in their path; unit tests unless given
  --lines FROM-TO  only these lines of the file
  --list           name the changes, run nothing
Exit codes: 0 every change was noticed, 1 some were not, 2 wrong usage or tests that fail without a change.
`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tests: { type: 'string', multiple: true, default: [] },
      lines: { type: 'string', default: '' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  if (values.help || positionals.length === 0 || !positionals.every((file) => existsSync(file))) {
    process.stderr.write(help)
    return values.help ? 0 : 2
  }
  const root = process.cwd()
  const files = positionals.map((file) => relative(root, resolve(file)))
  if (values.list) {
    for (const file of files) for (const { name } of wantedMutants(file, values.lines)) print(`${file}:${name}`)
    return 0
  }
  const copy = copyOfRepository(root)
  process.chdir(copy)
  let unnoticed = 0
  for (const file of files) {
    const count = await tryAll(copy, file, { tests: values.tests, lines: values.lines })
    if (count === null) return 2
    unnoticed += count
  }
  return unnoticed > 0 ? 1 : 0
}

const wantedMutants = (file: string, lines: string): Mutant[] => {
  const [from = 1, to = Number.POSITIVE_INFINITY] = lines === '' ? [] : lines.split('-').map(Number)
  return mutantsOf(readFileSync(file, 'utf8')).filter(({ name }) => {
    const line = Number.parseInt(name, 10)
    return line >= from && line <= to
  })
}

/** @returns how many changes no test notices; null where the tests fail without a change or there are none */
async function tryAll(root: string, file: string, options: { tests: string[]; lines: string }): Promise<number | null> {
  const path = join(root, file)
  const source = readFileSync(path, 'utf8')
  const vitest = await openVitest(path, options.tests)
  // Vitest ends this process for any rejection, as for the message to a test's process that was killed.
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', throwUnlessOfKilled)
  try {
    const tests = await passingTests(vitest, options.tests)
    if (typeof tests === 'string') {
      print(`${file}: ${tests}`)
      return null
    }
    const mutants = wantedMutants(file, options.lines)
    let unnoticed = 0
    for (const mutant of mutants) {
      writeFileSync(path, mutated(source, mutant))
      vitest.invalidateFile(path)
      if (await isNoticed(vitest, tests)) continue
      unnoticed++
      print(`${file}:${mutant.name}`)
    }
    print(`${file}: ${unnoticed} of ${mutants.length} changes are noticed by none of ${tests.length} test files`)
    return unnoticed
  } finally {
    writeFileSync(path, source)
    await vitest.close()
  }
}

function openVitest(related: string, tests: readonly string[]): Promise<Vitest> {
  return createVitest('test', {
    watch: false,
    bail: 1,
    related: [related],
    // A thread that does not end could not be killed.
    pool: 'forks',
    // None: what a test says of a change is not read.
    reporters: [{}],
    ...(tests.length === 0 ? { project: ['unit'] } : {})
  })
}

/** A test file, and how long it takes without a change. */
interface TimedTest {
  spec: TestSpecification
  ms: number
}

/** The test files that import the source, the fastest first; or what is wrong with them. */
async function passingTests(vitest: Vitest, parts: readonly string[]): Promise<TimedTest[] | string> {
  const related = await vitest.getRelevantTestSpecifications()
  const specs = related.filter(({ moduleId }) => parts.length === 0 || parts.some((part) => moduleId.includes(part)))
  if (specs.length === 0) return 'no test imports it'
  const tests: TimedTest[] = []
  for (const spec of specs) {
    const began = performance.now()
    if (!(await passes(vitest, { spec, ms: 600_000 }))) return `${spec.moduleId} fails without a change`
    tests.push({ spec, ms: performance.now() - began })
  }
  return tests.sort((a, b) => a.ms - b.ms)
}

async function isNoticed(vitest: Vitest, tests: readonly TimedTest[]): Promise<boolean> {
  for (const test of tests) if (!(await passes(vitest, test))) return true
  return false
}

/** A change can make an endless loop, which vitest cannot leave: then the test's process is killed, and counts as failed. */
async function passes(vitest: Vitest, { spec, ms }: TimedTest): Promise<boolean> {
  const timer = setTimeout(killChildren, 5 * ms + 20_000)
  try {
    vitest.state.clearErrors()
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications([spec])
    return unhandledErrors.length === 0 && testModules.every((module) => module.ok())
  } finally {
    clearTimeout(timer)
  }
}

function throwUnlessOfKilled(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ERR_IPC_CHANNEL_CLOSED') throw error
}

function killChildren(): void {
  for (const pid of childrenOf(process.pid)) process.kill(pid, 'SIGKILL')
}

const print = (line: string): void => void process.stdout.write(`${line}\n`)

process.exitCode = await main()
