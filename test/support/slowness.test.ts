import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { packageRoot } from '../../src/core/version.js'
import { Deadline, measureSlowness, until } from './slowness.js'

describe('slowness', () => {
  it('is at least 1, and grows when every core has more to do', async () => {
    expect(measureSlowness()).toBeGreaterThanOrEqual(1)
    const spinning = Array.from({ length: 3 * availableParallelism() }, () =>
      spawn(process.execPath, ['-e', 'process.stdout.write("x"); for (;;);'], { stdio: ['ignore', 'pipe', 'ignore'] })
    )
    onTestFinished(() => {
      for (const child of spinning) child.kill('SIGKILL')
    })
    await Promise.all(spinning.map((child) => new Promise((resolve) => child.stdout.once('data', resolve))))
    expect(Math.max(...[1, 2, 3].map(measureSlowness))).toBeGreaterThan(1.3)
  })
})

describe('a wait', () => {
  it('ends with what it finds, also where that comes at the last moment', async () => {
    let looks = 0
    expect(await until(() => ++looks > 2 && `look ${looks}`, 'the third look')).toBe('look 3')
    expect(await until(async () => 'at once', 'an answer')).toBe('at once')
  })

  it('in vain says for what, and after how long on how slow a machine', async () => {
    await expect(until(() => false, 'a miracle', 10)).rejects.toThrow(
      /^waited in vain for a miracle: \d+ ms, the machine being \d+\.\d times as slow as a quiet one$/
    )
  })

  it('is over after its limit, not before', async () => {
    const deadline = new Deadline(500)
    expect(deadline.isOver()).toBe(false)
    await until(() => deadline.isOver(), 'the limit')
    expect(new Deadline(60_000).isOver()).toBe(false)
  })
})

/** A limit on waiting in milliseconds of a quiet machine, which a busy one does not keep. */
const fixedLimits = [
  /\btimeout(?:Ms)?: \d/,
  /AbortSignal\.timeout\(\d/,
  /\b(?:Date|performance)\.now\(\) \+ (?:ms|\w+Ms|\d{3})/,
  /\.now\(\) - \w+\)\.toBeLessThan/
]
/** Limits that are part of what is tested, not of the test. */
const exceptions = new Set(['test/support/slowness.test.ts', 'test/support/limits.ts'])

/** What stands behind the function of a test, on its line or on one of its own: the limit of that test. */
const limitsOfTests = /^\s*\},\s+([\w* ()]+)\s*\)$/gm

function fixedLimitsIn(text: string): string[] {
  const lines = text.split('\n').filter((line) => fixedLimits.some((pattern) => pattern.test(line)))
  // A name stands for what the file says that it is.
  const spelledOut = (limit: string): string =>
    limit.replace(/[a-z]\w*/gi, (name) => new RegExp(`^const ${name} = (.*)$`, 'm').exec(text)?.[1] ?? name)
  const isFixed = (limit: string): boolean => /\d[\d_]{4,}/.test(limit) && !limit.includes('patience(')
  const ofTests = [...text.matchAll(limitsOfTests)].filter(([, limit = '']) => isFixed(spelledOut(limit)))
  return [...lines, ...ofTests.map(([found]) => found.trim())]
}

describe('the tests', () => {
  it('have no limit on waiting that does not grow with the slowness of the machine', () => {
    const files = readdirSync(join(packageRoot, 'test'), { recursive: true, encoding: 'utf8' })
      .map((path) => `test/${path}`)
      .filter((path) => path.endsWith('.ts') && !exceptions.has(path))
    const found = files.flatMap((path) =>
      fixedLimitsIn(readFileSync(join(packageRoot, path), 'utf8')).map((line) => `${path}: ${line.trim()}`)
    )
    expect(found).toEqual([])
    expect(files.length).toBeGreaterThan(100)
  })

  it('would be found out by the scan of the test above', () => {
    for (const line of [
      "it('x', { timeout: 120_000 }, () => {",
      'await checkCamera({ url, timeoutMs: 4000 })',
      'await forgetCommand(options, AbortSignal.timeout(30_000))',
      '}, 120_000)',
      '}, 2 * 60_000)',
      '},\n  180_000\n)',
      'const end = performance.now() + ms',
      'expect(Date.now() - askedAt).toBeLessThan(3000)'
    ])
      expect(fixedLimitsIn(line)).toEqual([line])
    expect(fixedLimitsIn('const minutes = 60_000\n},\n  3 * minutes\n)\n')).toEqual(['},\n  3 * minutes\n)'])
    const growing = [
      'it("x", { timeout: patience(120_000) }, () => {',
      '}, patience(120_000))',
      '}, signal)',
      '}, 500)'
    ]
    for (const line of [...growing, 'const minutes = patience(60_000)\n},\n  3 * minutes\n)\n'])
      expect(fixedLimitsIn(line)).toEqual([])
  })
})
