import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import { isCopy, placedNodes } from '../../../src/lib/ort/provider.js'
import { randomWeights, vggDemo, writeVgg } from '../../../src/lib/vgg/index.js'
import { type GpuBench, gpuBench, gpuCommand } from '../../../tools/bench/gpu.js'
import { type StageResult, worstDifference } from '../../../tools/bench/gpu-measure.js'
import { gpuMemory, type MemorySources, ofProcess } from '../../../tools/bench/gpu-memory.js'
import { explainedRates, type GpuReport, markdownOf } from '../../../tools/bench/gpu-report.js'
import { classifierStages, faceStages, type Session, type Stage } from '../../../tools/bench/gpu-stages.js'
import { faceModels } from '../../../tools/bench/models.js'

/**
 * Profiles of one graph, MaxPool with indices, Mul and MaxUnpool, by ONNX Runtime 1.29.0 on either provider. That of CUDA
 * comes from the provider's own library over a CUDA runtime that computes nothing: its nodes are real, its times are not.
 */
const profile = (name: 'cpu' | 'cuda'): string =>
  readFileSync(join(import.meta.dirname, `profiles/${name}.txt`), 'utf8')

const spec = { ...vggDemo, input: { width: 32, height: 32 }, dense: [16, 3], blocks: [[4], [6], [8], [8], [8]] }
let folder: string
let stages: Stage[]
let model: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-gpu-test-'))
  model = join(folder, 'small.onnx')
  const path = await writeVgg(model, spec, randomWeights(spec, 5), {
    name: 'small',
    labels: ['pain', 'disgust', 'happiness'],
    licence: 'Apache-2.0',
    intendedUse: 'benchmark'
  })
  stages = classifierStages(await loadManifest(path), [1, 3])
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const bench = (changes: Partial<GpuBench> = {}): Promise<GpuReport> =>
  gpuBench({ stages, model, provider: 'cpu', budgetMs: 0, minutes: 1, say: () => undefined, ...changes })

/** A stage whose sessions, but for the first, which is the reference, are changed. */
function changed(stage: Stage, change: (session: Session, prefix: string) => Session): Stage {
  let opened = 0
  const open: Stage['open'] = async (options) => {
    // There is no GPU here: the CPU stands in for it.
    const session = await stage.open({ ...options, provider: 'cpu' })
    return opened++ === 0 ? session : change(session, options.profileFilePrefix!)
  }
  return { ...stage, open }
}

/** The session with other answers. */
function answering(session: Session, run: (results: Record<string, { data: Float32Array }>) => void): Session {
  const own = session.run.bind(session)
  const altered = async (feeds: never) => {
    const results = await own(feeds)
    run(results as never)
    return results
  }
  return Object.assign(session, { run: altered })
}

describe('the GPU bench, on the CPU', () => {
  it('the GPU bench on the CPU measures each stage and batch and finds no difference', async () => {
    const report = await bench({ stages: [...faceStages(faceModels), ...stages] })
    expect(report.problems).toEqual([])
    const found = report.stages.map(({ stage, batches }) => [stage, batches.map(({ batch }) => batch)])
    expect(found).toEqual([
      ...['find faces', 'detect a face', 'landmarks'].map((name) => [name, [1]]),
      ...['classify', 'explain, preset A flat', 'explain, preset B flat'].map((name) => [name, [1, 3]])
    ])
    for (const { batches, nodes } of report.stages) {
      expect(nodes).toBeGreaterThan(4)
      for (const { ms, runs, difference } of batches) {
        expect(ms).toBeGreaterThan(0)
        expect(runs).toBeGreaterThanOrEqual(1)
        expect(difference).toBeLessThan(1e-4)
      }
    }
  })

  it('the GPU bench writes a table or JSON and ends with 0; wrong usage is refused', async () => {
    const said: string[] = []
    const what = async () => ({ stages, model, budgetMs: 0 })
    for (const name of ['report.md', 'report.json'])
      expect(
        await gpuCommand(['--provider', 'cpu', '--out', join(folder, name)], (line) => said.push(line), what)
      ).toBe(0)
    const markdown = await readFile(join(folder, 'report.md'), 'utf8')
    expect(markdown).toMatch(
      /\| model \| stage \| batch 1 \| batch 3 \|\n.*\n\| small \| classify \| \d+\.\d+ \| \d+\.\d+ \|/
    )
    expect(markdown).toMatch(/\| small \| preset B flat \| \d+\.\d \| \d+\.\d \|/)
    expect(markdown).toContain('All figures below are of **the CPU**')
    expect(said.join('\n')).toContain('| small | explain, preset A flat |')
    const json = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as GpuReport
    expect(json).toMatchObject({ provider: 'cpu', requested: 'cpu', reason: null, problems: [] })
    expect(json.stages[2]).toMatchObject({ model: 'small', stage: 'explain, preset B flat', elsewhere: [], copies: 0 })
    await expect(gpuCommand(['--provider', 'abacus'], () => undefined, what)).rejects.toMatchObject({ exitCode: 2 })
    await expect(gpuCommand(['--out', 'x.txt'], () => undefined, what)).rejects.toThrow(/neither .md nor .json/)
  })

  it('an unavailable provider is reported in a sentence, and the CPU is measured', async () => {
    const report = await bench({ provider: 'tensorrt', stages: stages.slice(0, 1) })
    // Where TensorRT can be had, there is nothing to say.
    if (report.provider === 'tensorrt') expect(report.reason).toBeNull()
    else {
      expect(report.reason).toMatch(/^The provider tensorrt cannot be had here: .+ The CPU is measured instead\.$/)
      expect(markdownOf(report)).toContain(report.reason)
      expect(report.problems).toEqual([])
    }
  })

  it('outputs that differ by more than the bound are reported, others are not', async () => {
    for (const [error, problems] of [
      [4e-3, 3],
      [4e-4, 0],
      [Number.NaN, 3]
    ] as const) {
      const off = changed(stages[1]!, (session) =>
        answering(session, ({ relevance }) => {
          const largest = relevance!.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
          relevance!.data[7]! += error * largest
        })
      )
      // Of each batch, the first picture's relevance is wrong; batch 3's largest may be another picture's.
      const report = await bench({ stages: [{ ...off, batches: [1, 1, 1] }] })
      expect(report.problems).toHaveLength(problems)
      if (problems > 0)
        expect(report.problems[0]).toMatch(/^small, explain, preset A flat, batch 1: differs from the CPU/)
    }
  })

  it('pictures whose result float32 determines are used, and too few of them are reported', async () => {
    for (const [unsure, tried] of [
      [2, 5],
      [100, 64]
    ] as const) {
      let runs = 0
      const open: Stage['open'] = async (options) => {
        const session = await stages[0]!.open(options)
        // Each picture is run twice; for the first few the second run comes out otherwise.
        return answering(session, ({ logits }) => {
          if (++runs % 2 === 0 && runs <= 2 * unsure) logits!.data[0]! += 1
        })
      }
      const report = await bench({ stages: [{ ...stages[0]!, open }] })
      expect(report.stages[0]!.tried).toBe(tried)
      if (unsure < 64) expect(report.stages[0]!.moved).toBeLessThan(1e-3)
      else expect(report.stages[0]!.moved).toBeGreaterThan(1e-3)
      expect(report.stages[0]!.batches.map(({ batch }) => batch)).toEqual([1, 3])
    }
  })

  it('the GPU bench continues after a stage that fails', async () => {
    const failing = changed(stages[0]!, (session) =>
      Object.assign(session, { run: () => Promise.reject(new Error('no memory')) })
    )
    const report = await bench({ stages: [failing, stages[0]!] })
    expect(report.problems).toEqual(['small, classify: failed (no memory)'])
    expect(report.stages[1]!.batches).toHaveLength(2)
  })

  it('no batch begins when the time is up', async () => {
    const report = await bench({ minutes: 0 })
    expect(report.stages.map(({ skipped }) => skipped)).toEqual([
      [1, 3],
      [1, 3],
      [1, 3]
    ])
    expect(markdownOf(report)).toContain('| small | classify | no time | no time |')
  })
})

describe('where nodes ran', () => {
  it("the provider of each node is read from ONNX Runtime's profile", () => {
    expect(placedNodes(profile('cpu')).every(({ provider }) => provider === 'CPUExecutionProvider')).toBe(true)
    const nodes = placedNodes(profile('cuda'))
    expect(nodes).toHaveLength(7)
    expect(nodes.filter(isCopy).map(({ name }) => name)).toEqual(['Memcpy_token_0', 'Memcpy'])
    expect(nodes.filter(({ provider }) => provider !== 'CUDAExecutionProvider')).toEqual([
      { name: 'unpool', operator: 'MaxUnpool', provider: 'CPUExecutionProvider' },
      { name: 'last', operator: 'Relu', provider: 'CPUExecutionProvider' }
    ])
  })

  it('a node on the CPU is a problem where a GPU was requested', async () => {
    const { measureStage } = await import('../../../tools/bench/gpu-measure.js')
    const { problemsOf } = await import('../../../tools/bench/gpu-report.js')
    const profiled = (text: string): Stage =>
      changed(stages[0]!, (session, prefix) =>
        Object.assign(session, { endProfiling: () => writeFileSync(`${prefix}.json`, text) })
      )
    const memory = { how: 'not at all', device: null, used: async () => null }
    const options = { provider: 'cuda', threads: 1, budgetMs: 0, deadline: Number.POSITIVE_INFINITY, memory } as const
    const mixed = await measureStage(profiled(profile('cuda')), options)
    expect(mixed).toMatchObject({ nodes: 7, copies: 2 })
    expect(problemsOf('cuda', [mixed])).toEqual([
      'small, classify: 2 of 7 nodes ran elsewhere (unpool: MaxUnpool on CPUExecutionProvider, last: Relu on CPUExecutionProvider)'
    ])
    const whole = await measureStage(profiled(profile('cuda').replaceAll('CPUExec', 'CUDAExec')), options)
    expect(problemsOf('cuda', [whole])).toEqual([])
  })
})

describe('the numbers of the GPU bench', () => {
  it('a smaller batch is compared with the beginning of the largest', () => {
    const wanted = { a: [1, -4, 2, 8], b: [0, 0, 0, 0] }
    expect(worstDifference({ a: [1, -4], b: [0, 0] }, wanted)).toBe(0)
    expect(worstDifference({ a: [1, -3], b: [0, 0] }, wanted)).toBe(1 / 4)
    expect(worstDifference({ a: [1, -3], b: [0, 0.5] }, wanted)).toBe(1 / 2)
    expect(worstDifference({ a: [1] }, wanted)).toBe(Number.POSITIVE_INFINITY)
    expect(worstDifference({ a: [Number.NaN, 1], b: [0, 0] }, wanted)).toBe(Number.POSITIVE_INFINITY)
  })

  it('frames per second count the face models once per frame', () => {
    const result = (kind: Stage['kind'], stage: string, times: Record<number, number>): StageResult => ({
      ...{
        stage,
        model: kind === 'face' ? 'face models' : 'm',
        kind,
        skipped: [],
        tried: 1,
        moved: 0,
        nodes: 1,
        elsewhere: [],
        copies: 0
      },
      memoryBytes: null,
      batches: Object.entries(times).map(([batch, ms]) => ({ batch: Number(batch), ms, runs: 1, difference: 0 }))
    })
    const rates = explainedRates([
      result('face', 'find', { 1: 2 }),
      result('face', 'landmarks', { 1: 1 }),
      result('classify', 'classify', { 1: 3, 4: 6 }),
      result('explain', 'explain, A', { 1: 4, 4: 12, 8: 99 })
    ])
    expect(rates).toEqual([
      { model: 'm', composite: 'A', batch: 1, fps: 100 },
      { model: 'm', composite: 'A', batch: 4, fps: 4000 / 30 }
    ])
  })

  it("memory is the process’s, else the GPU's increase, else on a Jetson the decrease of free memory", async () => {
    expect(ofProcess('12, 100\n4711, 512\n', 4711)).toBe(512 * 1024 ** 2)
    expect(ofProcess('4711, [N/A]\n', 4711)).toBeNull()
    let held = 100
    const answers: Record<string, () => string> = {
      '--query-gpu=name,driver_version': () => 'NVIDIA H100, 580.1\n',
      '--query-gpu=memory.used': () => `${held}\n`,
      '--query-compute-apps=pid,used_memory': () => '99, 77\n'
    }
    const sources: MemorySources = {
      smi: async ([query]) => answers[query!]!(),
      meminfo: async () => `MemTotal: 999 kB\nMemAvailable: ${900 - held} kB\n`,
      unified: false,
      pid: 1
    }
    const other = await gpuMemory(sources)
    const own = await gpuMemory({ ...sources, pid: 99 })
    const jetson = await gpuMemory({ ...sources, unified: true })
    const none = await gpuMemory({ ...sources, smi: async () => null })
    held = 350
    expect(other.device).toBe('NVIDIA H100, 580.1')
    expect(await other.used()).toBe(250 * 1024 ** 2)
    expect(await own.used()).toBe(77 * 1024 ** 2)
    expect(await jetson.used()).toBe(250 * 1024)
    expect(await none.used()).toBeNull()
    expect(none.how).toMatch(/^n\/a/)
  })
})
