import { ModelError } from '../../core/errors.js'
import { graphHeadOf, type Head } from './head.js'
import { floatsOf } from './tensor.js'
import { type DataType, nodeTitle, type OnnxGraph, type OnnxModel, type OnnxValue } from './types.js'

/** What a manifest, or a program that uses the library, says of a model's output. */
export interface OutputChoice {
  /** How the output is to be read; `auto` (what is taken unless given) leaves that to the graph. */
  head?: Head | 'auto'
  /** The output's name, where the model has several. */
  output?: string
}

/** Element types of inputs that pictures can be given as. */
export const inputTypes = ['float32', 'float16', 'float64', 'uint8'] as const
export type InputType = (typeof inputTypes)[number]

/** What a classifier takes and gives, by its graph. */
export interface Signature {
  input: OnnxValue & { type: InputType }
  output: OnnxValue
  /** Null where neither the graph nor the choice says. */
  head: Head | null
  /** The value before the last activation, from which LRP starts. */
  before: string
  /** The node that settles the head, or at which the search for it ended. */
  by: string
}

/**
 * Reads what a classifier takes and gives.
 * @throws ModelError where it has several inputs or outputs and none is named, where a type holds neither pictures nor
 *   scores have, and where the graph contradicts the choice
 */
export function signatureOf({ graph }: OnnxModel, choice: OutputChoice = {}, where = 'the model'): Signature {
  const input = inputOf(graph.inputs, where)
  const output = outputOf(graph, choice.output, where)
  const { head, before, by } = graphHeadOf(graph, output.name)
  const said = choice.head === 'auto' ? undefined : choice.head
  if (said !== undefined && head !== null && said !== head) {
    throw new ModelError('PL-MODEL-HEAD', `head is ${said}, but the graph ends in ${by}, which gives ${head}`, where, {
      fix: `Set head to auto or ${head} in the manifest, or name another output there.`
    })
  }
  return { input, output, head: head ?? said ?? null, before, by }
}

/**
 * The head of a model of which it has to be known.
 * @throws ModelError where neither its graph nor its manifest says
 */
export function knownHeadOf({ head, by }: Signature, where: string): Head {
  if (head !== null) return head
  throw new ModelError(
    'PL-MODEL-HEAD',
    `the graph ends in ${by}, which does not say how its outputs are to be read`,
    where
  )
}

function inputOf(inputs: readonly OnnxValue[], where: string): Signature['input'] {
  const [input] = inputs
  if (inputs.length !== 1 || input === undefined) {
    const names = inputs.map(({ name }) => name).join(', ')
    throw new ModelError('PL-MODEL-INPUT', `it has ${inputs.length} inputs (${names}) instead of one`, where, {
      fix: 'Export the classifier with the picture as its only input; anything else, such as a training flag, as a constant.'
    })
  }
  const type = inputTypes.find((each) => each === input.type)
  if (type) return { ...input, type }
  throw new ModelError('PL-MODEL-INPUT', `its input "${input.name}" is ${input.type}`, where, {
    fix: `Export the classifier with an input of type ${inputTypes.join(', ')}.`
  })
}

const scoreTypes: readonly DataType[] = ['float32', 'float16', 'float64']

function outputOf(graph: OnnxGraph, wanted: string | undefined, where: string): OnnxValue {
  const names = graph.outputs.map(({ name }) => name)
  if (wanted === undefined && names.length > 1) {
    throw new ModelError('PL-MODEL-OUTPUT', `it has ${names.length} outputs: ${names.join(', ')}`, where, {
      fix: `Put output: NAME into the manifest, with the name of the one that holds the classes' scores.`
    })
  }
  const output = wanted === undefined ? graph.outputs[0] : graph.outputs.find(({ name }) => name === wanted)
  if (output === undefined) {
    throw new ModelError('PL-MODEL-OUTPUT', `it has no output "${wanted}"`, where, {
      fix: `Set output in the manifest to one of ${names.join(', ')}.`
    })
  }
  if (scoreTypes.includes(output.type)) return output
  const node = graph.nodes.find(({ outputs }) => outputs.includes(output.name))
  const made = node ? `, made by ${nodeTitle(node)}` : ''
  throw new ModelError('PL-MODEL-OUTPUT', `its output "${output.name}" is ${output.type}${made}, not scores`, where, {
    fix: output.type.includes('int8')
      ? 'Export the model with a DequantizeLinear behind its last layer, or with that layer in float32.'
      : "Export the model with the classes' scores as its output, without the operator that chooses among them (ArgMax, TopK)."
  })
}

/**
 * Looks for weights that are no numbers: a ReLU makes 0 of them, so that no output need show them.
 * @throws ModelError
 */
export function checkWeights({ graph }: OnnxModel, where: string): void {
  for (const tensor of graph.initializers.values()) {
    if (!tensor.type.startsWith('float')) continue
    const values = floatsOf(tensor)
    for (let i = 0; i < values.length; i++) {
      if (!Number.isNaN(values[i]!)) continue
      throw new ModelError('PL-MODEL-NOT-FINITE', `value ${i} of its tensor "${tensor.name}" is no number`, where)
    }
  }
}
