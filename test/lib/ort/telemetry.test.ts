import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { patience } from '../../support/slowness.js'
import { writeTinyModel } from '../../support/tiny-model.js'

const dist = resolve(import.meta.dirname, '../../../dist')
let folder: string
let manifest: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-telemetry-'))
  manifest = await writeTinyModel(folder)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** What it leaves in the home of a process. */
const tracesIn = (name: string): string => join(folder, name, '.cache', 'Microsoft')

/** Runs a script in a process with a home of its own. @returns whether ONNX Runtime left its telemetry's traces there */
function leavesTraces(name: string, script: string): boolean {
  const home = join(folder, name)
  const file = join(folder, `${name}.mjs`)
  writeFileSync(file, script)
  execFileSync(process.execPath, [file], { env: { HOME: home, PATH: process.env.PATH }, timeout: patience(30_000) })
  return existsSync(tracesIn(name))
}

describe('ONNX Runtime’s telemetry', () => {
  it('ONNX Runtime’s telemetry is on by default (else this test shows nothing)', () => {
    const script = `
      const { default: ort } = await import(${JSON.stringify(createRequire(import.meta.url).resolve('onnxruntime-node'))})
      await ort.InferenceSession.create(${JSON.stringify(join(folder, 'tiny.onnx'))})
      const { existsSync } = await import('node:fs')
      const end = performance.now() + ${patience(10_000)}
      while (!existsSync(${JSON.stringify(tracesIn('plain'))}) && performance.now() < end)
        await new Promise((resolve) => setTimeout(resolve, 50))`
    expect(leavesTraces('plain', script)).toBe(true)
  })

  it('ONNX Runtime’s telemetry is off for sessions on the main thread', () => {
    const script = `
      const { openSession } = await import(${JSON.stringify(join(dist, 'lib/ort/provider.js'))})
      await openSession(${JSON.stringify(join(folder, 'tiny.onnx'))}, { provider: 'cpu' })
      await new Promise((resolve) => setTimeout(resolve, 500))`
    expect(leavesTraces('main', script)).toBe(false)
  })

  it('ONNX Runtime’s telemetry is off in the stages’ worker threads', () => {
    const script = `
      const { startClassifier } = await import(${JSON.stringify(join(dist, 'stages/classify/index.js'))})
      const { loadManifest } = await import(${JSON.stringify(join(dist, 'lib/model/load-manifest.js'))})
      const { silentLog } = await import(${JSON.stringify(join(dist, 'core/log.js'))})
      const manifest = await loadManifest(${JSON.stringify(manifest)})
      const classifier = await startClassifier({ manifest, provider: 'cpu', threads: 1, log: silentLog })
      await new Promise((resolve) => setTimeout(resolve, 500))
      await classifier.stop()`
    expect(leavesTraces('worker', script)).toBe(false)
  })
})
