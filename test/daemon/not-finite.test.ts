import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { trialCrop } from '../../src/lib/model/trial-crop.js'
import { patience } from '../support/slowness.js'
import { writeTinyHead } from '../support/tiny-model.js'
import { type RoomCamera, Ward } from '../support/ward.js'

let ward: Ward
let bed: RoomCamera
beforeAll(async () => {
  ward = await Ward.open()
  bed = await ward.room()
})
afterAll(() => ward.close())

describe('a model whose scores are not numbers', () => {
  it('makes painlens not ready, with the technical alarm that says so', { timeout: patience(60_000) }, async () => {
    const own = await mkdtemp(join(ward.folder, 'model-'))
    // The mean blue of the picture that a start tries the model with; log(1/2 - |blue - it|) is no number for any other.
    const { data } = trialCrop({ width: 16, height: 16 })
    const blue = data.reduce((sum, value, i) => sum + (i % 3 === 2 ? value : 0), 0) / 256
    const manifest = await writeTinyHead(
      own,
      (graph, logits) => {
        const number = (value: number): string => graph.constant('c', Float32Array.of(value), [])
        const first = graph.node('Gather', [logits, graph.constant('i', BigInt64Array.of(0n), [1])], { axis: 1 })
        const away = graph.node('Abs', [graph.node('Sub', [graph.node('Div', [first, number(0.1)]), number(blue)])])
        return graph.node('Add', [logits, graph.node('Log', [graph.node('Sub', [number(0.5), away])])])
      },
      { changes: { head: 'logits' } }
    )
    const device = await ward.device([bed], { model: { manifest } })
    const nurse = await device.listen()
    await device.startHere()
    const start = await nurse.alarm('inference_failed', 'start')
    expect(start.text.en).toMatch(/the model gave NaN, NaN, NaN/)
    // At once: both go by the same failure.
    const { status, parts } = await device.ask('/ready')
    expect(status).toBe(503)
    expect(parts).toEqual([
      { part: 'inference', code: 'PL-INFERENCE-NOT-FINITE', why: expect.stringMatching(/fails on the frames of .*NaN/) }
    ])
  })
})
