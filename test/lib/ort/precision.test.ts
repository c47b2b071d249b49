import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { patience } from '../../support/slowness.js'

const dist = resolve(import.meta.dirname, '../../../dist')

/** NVIDIA_TF32_OVERRIDE in a child of a process that has imported `file`, as CUDA's libraries in the process see it. */
function overrideIn(file: string, env: Record<string, string> = {}): string {
  const script = `
    await import(${JSON.stringify(resolve(dist, file))})
    const { execFileSync } = await import('node:child_process')
    process.stdout.write(execFileSync('printenv', ['NVIDIA_TF32_OVERRIDE']))`
  const options = { env: { PATH: process.env.PATH, ...env }, encoding: 'utf8', timeout: patience(30_000) } as const
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], options).trim()
}

describe('TF32', () => {
  it.each(['lib/ort/provider.js', 'core/worker.js'])('is off in programs that import %s', (file) => {
    expect(overrideIn(file)).toBe('0')
  })

  it('keeps an explicit setting of the user', () => {
    expect(overrideIn('lib/ort/provider.js', { NVIDIA_TF32_OVERRIDE: '1' })).toBe('1')
  })
})
