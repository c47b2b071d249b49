import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { packageRoot } from '../src/core/version.js'
import { type ExpectedSkip, expectedSkips, isExpected } from './expected-skips.js'
import { patience } from './support/slowness.js'

const skip = (changes: Partial<ExpectedSkip> = {}): ExpectedSkip[] => [
  { file: 'test/a.test.ts', title: 'on Mars', reason: 'this is the Earth', when: () => true, ...changes }
]

describe('a test that is skipped', () => {
  it('is expected by its file and the beginning of its name, while the condition holds', () => {
    expect(isExpected('test/a.test.ts', 'on Mars > lands', skip())).toBe(true)
    expect(isExpected('test/a.test.ts', 'anything', skip({ title: undefined }))).toBe(true)
    expect(isExpected('test/b.test.ts', 'on Mars > lands', skip())).toBe(false)
    expect(isExpected('test/a.test.ts', 'on Venus > lands', skip())).toBe(false)
    expect(isExpected('test/a.test.ts', 'on Mars > lands', skip({ when: () => false }))).toBe(false)
  })

  it('makes a run of CI fail when it is not expected, and is named', { timeout: patience(60_000) }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'painlens-skips-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const config = join(folder, 'vitest.config.mjs')
    const reporters = [join(packageRoot, 'test/support/skip-reporter.ts')]
    writeFileSync(
      config,
      `export default ${JSON.stringify({ root: packageRoot, test: { dir: folder, globals: true, reporters } })}`
    )
    const run = (test: string) => {
      writeFileSync(join(folder, 'a.test.js'), test)
      const args = [join(packageRoot, 'node_modules/vitest/vitest.mjs'), 'run', '--config', config]
      return spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, VITEST: undefined } })
    }
    const skipped = run("describe('a part', () => { it('works', () => {}); it.skip('is left out', () => {}) })")
    expect(skipped.stderr).toMatch(
      /^skipped, and not in test\/expected-skips\.ts: .*a\.test\.js > a part > is left out$/m
    )
    expect(skipped.status).toBe(1)
    const whole = run("it('works', () => {})")
    expect(whole.stderr).not.toContain('skipped')
    expect(whole.status).toBe(0)
  })
})

it.each(expectedSkips.map((one) => [`${one.file} ${one.title ?? ''}`, one] as const))(
  'the expected skip %s is of a test that there is',
  (_, { file, title = '' }) => {
    const text = readFileSync(join(packageRoot, file), 'utf8')
    for (const part of title.split(' > ')) expect(text).toContain(part)
    expect(text).toMatch(/skipIf|runIf/)
  }
)
