import type { OnnxGraph, OnnxModel } from './types.js'
import { WireError } from './wire.js'

/** WireError where the graph does not hang together: what a truncated or hand-made file gets wrong. */
export function checkModel(model: OnnxModel): void {
  const { graph } = model
  const known = new Set(['', ...graph.initializers.keys()])
  for (const { name } of graph.inputs) known.add(name)
  for (const node of graph.nodes) {
    const missing = node.inputs.find((input) => !known.has(input))
    if (missing !== undefined) throw new WireError(`${nodeTitle(node)} reads "${missing}", which nothing produces`)
    if (node.opType === '') throw new WireError(`node "${node.name}" has no operator type`)
    for (const output of node.outputs) {
      if (output !== '' && known.has(output)) throw new WireError(`${nodeTitle(node)} produces "${output}" once more`)
      known.add(output)
    }
  }
  checkEnds(graph, known)
}

function checkEnds(graph: OnnxGraph, known: Set<string>): void {
  if (graph.outputs.length === 0) throw new WireError('the graph has no output')
  const missing = graph.outputs.find(({ name }) => !known.has(name))
  if (missing) throw new WireError(`the graph's output "${missing.name}" is produced by no node`)
}

/** How errors name a node: `node "conv1" (Conv)`; exporters may leave the name out, then its first output serves. */
export function nodeTitle(node: { name: string; opType: string; outputs: string[] }): string {
  return `node "${node.name || node.outputs[0] || '?'}" (${node.opType})`
}
