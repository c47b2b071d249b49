import { describe, expect, it } from 'vitest'
import { createLog } from '../../src/core/log.js'
import { Secrets } from '../../src/core/secrets.js'
import { frameId, traced } from '../../src/core/trace.js'

function logAt(level: 'debug' | 'info') {
  const lines: Record<string, unknown>[] = []
  const log = createLog(level, new Secrets(), (line) => void lines.push(JSON.parse(line)))
  return { log, lines }
}

describe('a traced step', () => {
  it('is logged at level debug with its stage, its duration and its frame or alarm', async () => {
    const { log, lines } = logAt('debug')
    const frame = frameId({ camera: 'bed', at: 1234.56 })
    expect(await traced(log, 'detect', Promise.resolve(2), (faces) => ({ frame, faces }))).toBe(2)
    expect(lines).toMatchObject([
      { level: 'debug', stage: 'detect', ms: expect.any(Number), frame: 'bed@1234.6', faces: 2, msg: 'trace' }
    ])
  })

  it('returns the work itself and makes no fields above level debug', async () => {
    const { log, lines } = logAt('info')
    const work = Promise.resolve(2)
    const fields = () => {
      throw new Error('made all the same')
    }
    expect(traced(log, 'detect', work, fields)).toBe(work)
    await work
    expect(lines).toEqual([])
  })

  it('that fails is not logged, since its caller gets the error', async () => {
    const { log, lines } = logAt('debug')
    await expect(traced(log, 'detect', Promise.reject(new Error('dead')), () => ({}))).rejects.toThrow('dead')
    expect(lines).toEqual([])
  })
})
