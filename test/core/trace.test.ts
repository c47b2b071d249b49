import { describe, expect, it } from 'vitest'
import { createLog } from '../../src/core/log.js'
import { Secrets } from '../../src/core/secrets.js'
import { frameId, traced } from '../../src/core/trace.js'

function logAt(level: 'debug' | 'info') {
  const lines: Record<string, unknown>[] = []
  const log = createLog(level, new Secrets(), (line) => void lines.push(JSON.parse(line)))
  return { log, lines }
}

describe('what is traced', () => {
  it('is said at level debug: the stage, how long it took, and whose frame or alarm it is', async () => {
    const { log, lines } = logAt('debug')
    const frame = frameId({ camera: 'bed', at: 1234.56 })
    expect(await traced(log, 'detect', Promise.resolve(2), (faces) => ({ frame, faces }))).toBe(2)
    expect(lines).toMatchObject([
      { level: 'debug', stage: 'detect', ms: expect.any(Number), frame: 'bed@1234.6', faces: 2, msg: 'trace' }
    ])
  })

  it('costs nothing above: the work itself comes back, and no fields are made', async () => {
    const { log, lines } = logAt('info')
    const work = Promise.resolve(2)
    const fields = () => {
      throw new Error('made all the same')
    }
    expect(traced(log, 'detect', work, fields)).toBe(work)
    await work
    expect(lines).toEqual([])
  })

  it('that fails is not said here: its error goes to who waits for it', async () => {
    const { log, lines } = logAt('debug')
    await expect(traced(log, 'detect', Promise.reject(new Error('dead')), () => ({}))).rejects.toThrow('dead')
    expect(lines).toEqual([])
  })
})
