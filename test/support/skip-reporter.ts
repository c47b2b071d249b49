/** Fails the run where a test is skipped that test/expected-skips.ts does not expect. For CI: see .ci/run. */
import { relative } from 'node:path'
import type { Reporter, TestModule } from 'vitest/node'
import { isExpected } from '../expected-skips.js'

export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const unexpected = modules.flatMap(skippedIn).filter(([file, name]) => !isExpected(file, name))
    for (const [file, name] of unexpected)
      process.stderr.write(`skipped, and not in test/expected-skips.ts: ${file} > ${name}\n`)
    if (unexpected.length > 0) process.exitCode = 1
  }
}

const skippedIn = (module: TestModule): [file: string, name: string][] =>
  [...module.children.allTests('skipped')].map((test) => [relative(process.cwd(), module.moduleId), test.fullName])
