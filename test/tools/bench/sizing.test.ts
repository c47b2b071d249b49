import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import {
  coresOf,
  gpuCosts,
  jetsonLoad,
  ratesOf,
  type Sizing,
  sizingReport,
  sizingSchema,
  sizingTables
} from '../../../tools/bench/sizing.js'

const docs = resolve(import.meta.dirname, '../../../docs/operate')
const text = readFileSync(resolve(docs, 'sizing.yaml'), 'utf8')

/** Figures that can be worked out by hand. */
const round: Sizing = {
  costs: {
    decode_picture_ms: 2,
    hand_over_frame_ms: 2,
    rest_of_frame_ms: 1,
    look_everywhere_ms: 20,
    look_at_known_ms: 10,
    classify_ms: { small: 1, vgg_face: 100 },
    explain_view_ms: { small: 6, vgg_face: 300 }
  },
  camera: { stream_fps: 10, stream_mbit_s: 2, faces: 1, alarms_per_hour: 60, explanations_per_alarm: 1, views: 6 },
  memory: { daemon: { small: 300, vgg_face: 1700 }, camera: 100 },
  load: 0.5,
  jetsons: [{ name: 'a', cores: 4, core: 0.5, gpu_tflops: 1, gpu_gb_s: 100, memory_gb: 8 }],
  gpu: {
    flop: { vgg_face: 10e9 },
    weights_gb: { small: 0, vgg_face: 0.5 },
    passes: 3,
    efficiency: 0.5,
    call_ms: 1
  }
}

describe('the arithmetic', () => {
  it('the rates of work per second are counted', () => {
    expect(ratesOf(round, 2, 5)).toEqual({
      pictures: 20,
      frames: 10,
      everywhere: 2,
      known: 8,
      classified: 10,
      explainedViews: 0.2
    })
    // An empty room is looked over in every frame; less than a frame a second is never a known face's.
    const empty = { ...round, camera: { ...round.camera, faces: 0 } }
    expect(ratesOf(empty, 1, 5)).toMatchObject({ everywhere: 5, known: 0, classified: 0 })
    expect(ratesOf(round, 1, 0.5)).toMatchObject({ everywhere: 0.5, known: 0 })
  })

  it('the busy cores are the sum of rates times costs', () => {
    const rates = ratesOf(round, 2, 5)
    // 20 x 2 + 10 x (2 + 1) + 2 x 20 + 8 x 10 + 10 x 1 + 0.2 x 6
    expect(coresOf(round, rates, 'small')).toBeCloseTo(0.2012, 10)
    expect(coresOf(round, rates, 'vgg_face')).toBeCloseTo(0.19 + 1 + 0.06, 10)
  })

  it('the time on a GPU is that of its slower side, arithmetic or memory', () => {
    const [jetson] = round.jetsons as [Sizing['jetsons'][number]]
    const costs = gpuCosts(round, jetson)
    // 10 GFLOP of 1 TFLOP/s are 10 ms, 0.5 GB of 100 GB/s 5 ms; at half of that, and a call.
    expect(costs.classify_ms.vgg_face).toBeCloseTo(21, 10)
    expect(costs.explain_view_ms.vgg_face).toBeCloseTo(61, 10)
    expect(costs.look_everywhere_ms).toBeCloseTo(1 + 4, 10)
    const narrow = gpuCosts(round, { ...jetson, gpu_gb_s: 10 })
    expect(narrow.classify_ms.vgg_face).toBeCloseTo(101, 10)
    const load = jetsonLoad(round, jetson, ratesOf(round, 2, 5), 'vgg_face')
    expect(load.cores).toBeCloseTo(0.07 / 0.5, 10)
    // 2 x 5 + 8 x 3 + 10 x 21 + 0.2 x 61
    expect(load.gpu).toBeCloseTo(0.2562, 10)
  })

  it('loads above the limit are crossed out', () => {
    const { jetson, processor } = sizingTables(round)
    expect(jetson).toContain('| 1 | 2 | GPU 6 %, 0.1 of 4 cores |')
    expect(jetson).toContain('| 16 | 5 | ~~GPU 205 %, 1.1 of 4 cores~~ |')
    expect(processor).toContain('| 4 | 5 | 0.40 | 1 | 2.50 | 5 |')
  })
})

describe('docs/operate/sizing.md', () => {
  it('the tables of docs/operate/sizing.md are up to date with sizing.yaml', () => {
    const page = readFileSync(resolve(docs, 'sizing.md'), 'utf8')
    const tables = Object.entries(sizingTables(sizingSchema.parse(parse(text))))
    for (const [name, markdown] of tables)
      expect(page.includes(markdown), `${name}: npm run bench -- sizing`).toBe(true)
    for (const [, markdown] of tables) expect(sizingReport(text)).toContain(markdown)
  })

  it('an invalid figure in sizing.yaml is refused', () => {
    expect(() => sizingReport(text.replace('load: 0.7', 'load: 7'))).toThrow()
    expect(() => sizingReport(text.replace('decode_picture_ms', 'decode_ms'))).toThrow()
  })
})
