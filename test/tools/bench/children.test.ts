import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { besideChild, startPainlens } from '../../../src/show/demo/child.js'
import { startCamera } from '../../../tools/bench/latency.js'

it('without ffmpeg a bench says what its camera said, with its code and what to do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-bench-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  vi.stubEnv('PATH', folder)
  onTestFinished(() => void vi.unstubAllEnvs())
  await expect(startCamera()).rejects.toMatchObject({
    ...{ code: 'PL-DEMO-PART-FAILED', where: 'painlens simulate' },
    what: expect.stringMatching(/^ended with 1: painlens: ffmpeg.*Install FFmpeg.* \[PL-SIMULATE-FFMPEG\]$/) as string
  })
})

it('a child that ends early ends the work that needs it, with its last words; work that is done has its result', async () => {
  const start = () =>
    startPainlens({ args: ['run', '--config', '/nonexistent/painlens.yaml'], onLine: () => undefined })
  await expect(besideChild(start(), 'painlens run', new Promise(() => undefined))).rejects.toMatchObject({
    what: expect.stringMatching(/^ended with 2: .*\[PL-CONFIG-\w+\]$/) as string
  })
  const child = start()
  expect(await besideChild(child, 'painlens run', Promise.resolve(7))).toBe(7)
  await child.ended
})
