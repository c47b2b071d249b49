/** What a step of training costs: painlens's graph in ONNX Runtime, tfjs and, where Debian has it, PyTorch, each in a process of its own, in turns. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { packageRoot } from '#painlens/core/version.js'
import { createRandom } from '#painlens/lib/random.js'
import { Trainer } from '#painlens/lib/train/index.js'
import { loadWasm } from '../train/tensorflow.js'
import { median, ms, table } from './table.js'

const run = promisify(execFile)
const threads = 2
const classes = 3
/** Sizes of VGG-Face's dense layers, from what is trained. */
const parts = { 'fc7+fc8': [4096, 4096, classes], 'fc6–fc8': [25088, 4096, 4096, classes] } as const
type Part = keyof typeof parts
const engines = { ort: 'painlens', tfjs: 'tfjs', torch: 'PyTorch' } as const
type Row = readonly [part: Part, engine: keyof typeof engines, batch: number, steps: number]
/** Of fc6–fc8 tfjs's heap of 4 GB takes no momentum, and no larger batch: there it has plain gradient descent. */
const rows: readonly Row[] = [
  ['fc7+fc8', 'ort', 256, 6],
  ['fc7+fc8', 'tfjs', 256, 3],
  ['fc7+fc8', 'torch', 256, 6],
  ['fc6–fc8', 'ort', 256, 4],
  ['fc6–fc8', 'tfjs', 32, 2],
  ['fc6–fc8', 'torch', 256, 4]
]
const rounds = 3

interface Cost {
  wallMs: number
  cpuMs: number
  peakMb: number
}

/** @returns a Markdown table: medians over rounds in turns; ratios are of the processor's time, and in brackets of the clock's */
export async function studyTable(): Promise<string> {
  const python = await pythonWithTorch()
  const costs = new Map<Row, Cost[]>(rows.map((row) => [row, []]))
  for (let round = 0; round < rounds; round++)
    for (const [row, list] of costs) if (row[1] !== 'torch' || python !== null) list.push(await costOf(row, python))
  const middle = (row: Row, key: keyof Cost): number => median(costs.get(row)!.map((one) => one[key]))
  const body = rows.map((row) => {
    const [part, engine, batch] = row
    if (costs.get(row)!.length === 0) return [part, engines[engine], batch, 'not measured', '', '', '', '']
    const own = rows.find(([other, kind]) => other === part && kind === 'ort')!
    const ratio = (key: 'cpuMs' | 'wallMs'): string => (middle(row, key) / middle(own, key)).toFixed(2)
    return [
      ...[part, engines[engine], batch, (1000 / middle(row, 'wallMs')).toFixed(0)],
      ...[ms(middle(row, 'wallMs')), ms(middle(row, 'cpuMs')), `${middle(row, 'peakMb').toFixed(0)} MB`],
      engine === 'ort' ? '' : `${ratio('cpuMs')} (${ratio('wallMs')})`
    ]
  })
  const head = ['trained', 'engine', 'batch', 'images a second', 'ms an image', 'processor ms', 'peak', 'times as long']
  const lack = python === null ? '\n\nPyTorch was not measured: no Python here has it (Debian: python3-torch).' : ''
  return table(head, body) + lack
}

/** Debian's packages belong to Debian's own Python, which another one may stand before. */
async function pythonWithTorch(): Promise<string | null> {
  for (const python of ['/usr/bin/python3', 'python3'])
    if (
      await run(python, ['-c', 'import torch']).then(
        () => true,
        () => false
      )
    )
      return python
  return null
}

async function costOf([part, engine, batch, steps]: Row, python: string | null): Promise<Cost> {
  const said = [batch, steps].map(String)
  const { stdout } = await (engine === 'torch'
    ? run(python!, [
        join(packageRoot, 'tools/bench/torch-step.py'),
        String(threads),
        ...said,
        ...parts[part].map(String)
      ])
    : run(process.execPath, [fileURLToPath(import.meta.url), part, engine, ...said]))
  return JSON.parse(stdout) as Cost
}

/** Steps of momentum on random numbers; the first one does not count. */
async function measure(part: Part, engine: string, batch: number, steps: number): Promise<Cost> {
  const sizes = parts[part]
  const step = engine === 'ort' ? await ortStep(sizes, batch) : await tfjsStep(sizes, batch)
  const walls: number[] = []
  const cpus: number[] = []
  for (let i = 0; i <= steps; i++) {
    const [startedAt, before] = [performance.now(), process.cpuUsage()]
    await step()
    const { user, system } = process.cpuUsage(before)
    if (i === 0) continue
    walls.push((performance.now() - startedAt) / batch)
    cpus.push((user + system) / 1000 / batch)
  }
  return { wallMs: median(walls), cpuMs: median(cpus), peakMb: process.resourceUsage().maxRSS / 1024 }
}

const filled = (count: number, deviation: number): Float32Array => {
  const random = createRandom(count)
  return new Float32Array(count).map(() => (random() - 0.5) * 2 * deviation)
}

async function ortStep(sizes: readonly number[], batch: number): Promise<() => Promise<unknown>> {
  const dense = sizes.slice(1).map((outSize, i) => {
    const inSize = sizes[i]!
    const weights = filled(inSize * outSize, 1 / Math.sqrt(inSize))
    const bias = new Float32Array(outSize)
    return { kind: 'dense' as const, name: `dense${i + 1}`, inSize, outSize, weights, bias, dims: [outSize] }
  })
  const layers = dense.flatMap((layer, i) =>
    i < dense.length - 1 ? [layer, { kind: 'relu' as const, dims: layer.dims }] : [layer]
  )
  const chain = { input: [sizes[0]!], layers, classes, firstNode: '' }
  const random = createRandom(1)
  const trainer = await Trainer.open(chain, { optimizer: 'momentum', dropout: 0.5, provider: 'cpu', threads, random })
  // The trainer has copies of its own.
  for (const layer of dense) layer.weights = new Float32Array(0)
  const features = filled(batch * sizes[0]!, 1)
  const targets = Float32Array.from({ length: batch * classes }, (_, i) => (i % classes === 0 ? 1 : 0))
  const weights = new Float32Array(batch).fill(1)
  return () => trainer.step({ features, targets, weights }, 1e-4)
}

async function tfjsStep(sizes: readonly number[], batch: number): Promise<() => Promise<unknown>> {
  const tf = await loadWasm()
  const weights = sizes
    .slice(1)
    .map((out, i) => tf.variable(tf.tensor2d(filled(sizes[i]! * out, 1 / Math.sqrt(sizes[i]!)), [sizes[i]!, out])))
  const biases = sizes.slice(1).map((out) => tf.variable(tf.zeros([out])))
  const x = tf.tensor2d(filled(batch * sizes[0]!, 1), [batch, sizes[0]!])
  const y = tf.oneHot(tf.zeros([batch], 'int32'), classes)
  const optimizer = sizes[0]! > 4096 ? tf.train.sgd(1e-4) : tf.train.momentum(1e-4, 0.9)
  const loss = () => {
    let value: import('@tensorflow/tfjs').Tensor = x
    for (const [i, weight] of weights.entries()) {
      value = value.matMul(weight).add(biases[i]!)
      if (i < weights.length - 1) value = value.relu()
    }
    return value.logSoftmax(1).mul(y).sum(1).mean().neg().asScalar()
  }
  return async () => {
    const value = optimizer.minimize(loss, true)
    await value?.data()
    value?.dispose()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [part, engine, batch, steps] = process.argv.slice(2)
  process.stdout.write(JSON.stringify(await measure(part as Part, engine!, Number(batch), Number(steps))))
}
