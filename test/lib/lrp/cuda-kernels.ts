import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OnnxModel, OnnxNode } from '../../../src/lib/onnx/index.js'

/** The kernels of ONNX Runtime's CUDA provider that painlens relies on. */
const kernels = (
  JSON.parse(readFileSync(join(import.meta.dirname, 'cuda-kernels.json'), 'utf8')) as {
    operators: Record<string, [from: number, to: number | null, ...types: string[][]]>
  }
).operators

type Types = Map<string, string>

/** The types of a node's outputs, where they are not its first input's. */
const outputTypes: Record<string, (node: OnnxNode, types: Types) => string[]> = {
  ArgMax: () => ['int64'],
  Shape: () => ['int64'],
  Equal: () => ['bool'],
  Less: () => ['bool'],
  GreaterOrEqual: () => ['bool'],
  Cast: ({ attributes }) => [(attributes.get('to')?.value as number) === 1 ? 'float32' : 'unknown'],
  ConstantOfShape: ({ attributes }) => [attributes.has('value') ? 'unknown' : 'float32'],
  MaxPool: ({ inputs }, types) => [types.get(inputs[0]!)!, 'int64'],
  OneHot: ({ inputs }, types) => [types.get(inputs[2]!)!],
  Where: ({ inputs }, types) => [types.get(inputs[1]!)!]
}

/** What CUDA's kernels refuse beside types (`GetCapability` in onnxruntime's cuda_execution_provider.cc), and what goes otherwise there. */
const conditions: Record<string, (node: OnnxNode) => string | null> = {
  ConvTranspose: ({ attributes }) => {
    const pads = (attributes.get('pads')?.value ?? [0, 0, 0, 0]) as number[]
    return pads[0] === pads[2] && pads[1] === pads[3] ? null : `has pads ${pads}, unlike on both sides`
  },
  MaxPool: ({ outputs }) => (outputs.length === 1 ? null : 'asks for indices, which name another one of several equals')
}

/** @returns a sentence for each node that CUDA would leave to the CPU or compute otherwise */
export function withoutKernel({ graph, opsets }: OnnxModel): string[] {
  const opset = opsets.find(({ domain }) => domain === '')!.version
  const types: Types = new Map([
    ...graph.inputs.map(({ name, type }): [string, string] => [name, type]),
    ...[...graph.initializers.values()].map(({ name, type }): [string, string] => [name, type])
  ])
  const found: string[] = []
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => types.get(input))
    const problem = problemOf(node, opset, inputs)
    if (problem) found.push(`${node.name} (${node.opType}) ${problem}`)
    const outputs = outputTypes[node.opType]?.(node, types) ?? node.outputs.map(() => inputs[0] ?? 'unknown')
    node.outputs.forEach((output, i) => {
      types.set(output, outputs[i]!)
    })
  }
  return found
}

function problemOf(node: OnnxNode, opset: number, inputs: readonly (string | undefined)[]): string | null {
  const kernel = node.domain === '' ? kernels[node.opType] : undefined
  if (!kernel) return 'has no kernel'
  const [from, to, ...allowed] = kernel
  if (opset < from || opset > (to ?? opset)) return `has a kernel for the opsets ${from} to ${to}, not ${opset}`
  const wrong = inputs.findIndex(
    (type, i) => node.inputs[i] !== '' && !(allowed[i] ?? allowed.at(-1)!).includes(type ?? 'unknown')
  )
  if (wrong >= 0) return `has no kernel for ${inputs[wrong]} as input ${wrong}`
  return conditions[node.opType]?.(node) ?? null
}
