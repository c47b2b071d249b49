import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InputError } from '../../../../src/core/errors.js'
import {
  decodeModel,
  encodeModel,
  floatsOf,
  GraphBuilder,
  readModel,
  tensorOf
} from '../../../../src/lib/onnx/index.js'
import { createRandom } from '../../../../src/lib/random.js'
import { buildVgg, randomWeights } from '../../../../src/lib/vgg/index.js'
import {
  cascadeSteps,
  halfwayOf,
  judgeRandomisation,
  likenessOf,
  openShuffledModel,
  shuffleTensor,
  weightedLayers
} from '../../../../src/stages/explain/checks/index.js'

const spec = { input: { width: 16, height: 16 }, blocks: [[4], [5]], dense: [6, 3] }

describe('the cascade of randomised layers', () => {
  it('covers more layers per step, from the output layer to all layers', () => {
    expect(cascadeSteps(5, Number.POSITIVE_INFINITY)).toEqual([1, 2, 3, 4, 5])
    expect(cascadeSteps(16, 4)).toEqual([1, 6, 11, 16])
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 2, max: 20 }), (layers, most) => {
        const steps = cascadeSteps(layers, most)
        expect(steps).toHaveLength(Math.min(layers, most))
        expect([steps[0], steps.at(-1)]).toEqual([1, layers])
        expect(steps.every((step, i) => i === 0 || step > steps[i - 1]!)).toBe(true)
      })
    )
    expect(halfwayOf(cascadeSteps(16, 16))).toBe(7)
  })

  it('lists the layers with weights and biases, from the output to the input', () => {
    const layers = weightedLayers(buildVgg(spec, randomWeights(spec, 1)))
    expect(layers.map(({ title }) => title)).toEqual([
      'node "fc4" (Gemm)',
      'node "fc3" (Gemm)',
      'node "conv2_1" (Conv)',
      'node "conv1_1" (Conv)'
    ])
    expect(layers[0]!.tensors.map(({ name }) => name)).toEqual(['fc4.weight', 'fc4.bias'])
  })

  it('lists shared weights once, and skips matrices that are not weights', () => {
    const graph = new GraphBuilder({ name: 'shared' })
    const x = graph.input('x', ['N', 2])
    const weights = graph.constant('w', Float32Array.of(1, 2, 3, 4), [2, 2])
    const y = graph.node(
      'MatMul',
      [graph.node('MatMul', [x, weights], {}, { name: 'first' }), weights],
      {},
      { name: 'second' }
    )
    graph.output(graph.node('MatMul', [y, y], {}, { name: 'none' }), ['N', 2])
    expect(weightedLayers(graph.toModel()).map(({ title }) => title)).toEqual(['node "second" (MatMul)'])
  })
})

describe('shuffling a tensor', () => {
  it('permutes its values, for every element size and any alignment', () => {
    const arrays = [Float64Array, Float32Array, Uint16Array, Uint8Array]
    fc.assert(
      fc.property(
        fc.constantFrom(...arrays),
        fc.integer({ min: 0, max: 7 }),
        fc.integer(),
        (ArrayType, offset, seed) => {
          const values = new ArrayType(Array.from({ length: 100 }, (_, i) => i + 1))
          const tensor = tensorOf('x', values, [10, 10])
          const room = new Uint8Array(tensor.data.byteLength + offset)
          room.set(tensor.data, offset)
          const data = room.subarray(offset)
          shuffleTensor({ ...tensor, data }, createRandom(seed))
          const shuffled = new ArrayType(Uint8Array.from(data).buffer)
          expect(Array.from(shuffled).sort((a, b) => a - b)).toEqual(Array.from(values))
          expect(Array.from(shuffled)).not.toEqual(Array.from(values))
        }
      )
    )
  })
})

describe('a shuffled model', () => {
  const weightsOf = async (model: string | Uint8Array): Promise<Map<string, number[]>> => {
    const { graph } = typeof model === 'string' ? await readModel(model) : decodeModel(model)
    return new Map([...graph.initializers].map(([name, tensor]) => [name, Array.from(floatsOf(tensor))]))
  }

  it.each([
    ['in memory', undefined],
    ['from file to file', 0]
  ])('randomises layers cumulatively from the output to the input: %s', async (_, largestInMemory) => {
    const folder = await mkdtemp(join(tmpdir(), 'painlens-shuffle-test-'))
    try {
      const file = join(folder, 'small.onnx')
      const bytes = encodeModel(buildVgg(spec, randomWeights(spec, 1)))
      await writeFile(file, bytes)
      const original = await weightsOf(bytes)
      const model = await openShuffledModel(file, 7, largestInMemory)
      expect([model.large, model.layers.length]).toEqual([largestInMemory === 0, 4])
      const differing = (now: Map<string, number[]>): string[] =>
        [...now.keys()].filter((name) => name.endsWith('weight') && `${now.get(name)}` !== `${original.get(name)}`)
      const first = await weightsOf(await model.upTo(1))
      expect(differing(first)).toEqual(['fc4.weight'])
      const third = await weightsOf(await model.upTo(3))
      expect(differing(third)).toEqual(['conv2_1.weight', 'fc3.weight', 'fc4.weight'])
      expect(third.get('fc4.weight')).toEqual(first.get('fc4.weight'))
      const last = await model.upTo(4)
      expect(differing(await weightsOf(last))).toHaveLength(4)
      await model.close()
      if (typeof last === 'string') expect(existsSync(last)).toBe(false)
      expect(Buffer.from(bytes).equals(await readFile(file))).toBe(true)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('is refused for a model without weights', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'painlens-shuffle-test-'))
    try {
      const graph = new GraphBuilder({ name: 'none' })
      graph.output(graph.node('Relu', [graph.input('x', ['N', 2])]), ['N', 2])
      await writeFile(join(folder, 'none.onnx'), encodeModel(graph.toModel()))
      await expect(openShuffledModel(join(folder, 'none.onnx'), 1)).rejects.toThrow(InputError)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('the verdict of the randomisation test', () => {
  const alike = (...values: number[]) => values.map((value) => [{ signed: value, absolute: value }])

  it('distinguishes maps that change, change little and do not change', () => {
    expect(judgeRandomisation(alike(0.6, 0.3, 0.1))).toMatchObject({ outcome: 'changes', passed: true })
    expect(judgeRandomisation(alike(1, 0.95, 0.1))).toMatchObject({ outcome: 'insensitive', passed: true })
    expect(judgeRandomisation(alike(0.2, 0.2, 0.6))).toMatchObject({ outcome: 'insensitive', passed: true })
    expect(judgeRandomisation(alike(1, 1, 1))).toMatchObject({ outcome: 'unchanged', passed: false })
  })

  it('takes a constant map for like another constant one, and unlike all others', () => {
    const constant = Float32Array.of(1, 1, 1)
    expect(likenessOf(constant, Float32Array.of(1, 2, 3))).toEqual({ signed: 0, absolute: 0 })
    expect(likenessOf(constant, Float32Array.of(7, 7, 7))).toEqual({ signed: 1, absolute: 1 })
    expect(() => likenessOf(constant, Float32Array.of(1, 2))).toThrow(RangeError)
  })

  it('counts maps with flipped signs as unchanged', () => {
    const map = Float32Array.of(1, -2, 3, 0.5)
    expect(
      likenessOf(
        map,
        map.map((value) => -value)
      )
    ).toEqual({ signed: -1, absolute: 1 })
    expect(judgeRandomisation([[{ signed: -1, absolute: 1 }]]).outcome).toBe('unchanged')
  })

  it('uses the mean over the pictures', () => {
    const step = [
      { signed: 0.2, absolute: 0.4 },
      { signed: 0.4, absolute: 0.8 }
    ]
    const { steps } = judgeRandomisation([step])
    expect(steps[0]!.signed).toBeCloseTo(0.3, 10)
    expect(steps[0]!.absolute).toBeCloseTo(0.6, 10)
  })
})
