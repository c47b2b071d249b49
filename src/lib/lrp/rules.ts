/**
 * LRP's rules as data. A rule is a sum of passes; each pass forms responses z_j = Σ_terms Σ_i w'_ij·x'_i (+ b_j), divides
 * the relevance by them and sends it back to the inputs in proportion:
 *
 *   R_i = Σ_passes factor · Σ_terms coefficient · x'_i · Σ_j w'_ij · R_j / stabilised(z_j)
 *
 * with z_j = Σ_terms coefficient · Σ_i w'_ij·x'_i (+ b_j). Names and semantics are iNNvestigate's (Alber et al., "iNNvestigate
 * neural networks!", JMLR 2019), zennit's where iNNvestigate has none. The rules are from
 * Bach et al., "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance Propagation",
 * PLOS ONE 2015, and Montavon et al., "Layer-Wise Relevance Propagation: An Overview", 2019.
 */
export interface Rule {
  name: string
  passes: readonly Pass[]
  /** Of a rule for a bounded input, its bounds: at the first layer they are those of the model's own input. */
  bounds?: readonly [low: number | readonly number[], high: number | readonly number[]]
}

export interface Pass {
  factor: number
  terms: readonly Term[]
  /** Whether the layer's bias takes part in the denominator, or with which coefficients its parts do. */
  bias: boolean | Mixture
  /** Added to the denominator, with its sign (0 counts as positive). Without it a denominator of 0 becomes 1e-7. */
  epsilon?: number
  /** Outputs of this sign alone send their relevance back by this pass; all without it. */
  outputs?: Sign
}

export interface Term {
  input: InputPart
  weights: WeightPart
  /** 1 without it. */
  coefficient?: number
}

export type Sign = 'positive' | 'negative'
/**
 * The layer's input, its positive or negative part, or a number in place of every input; several numbers are one per channel, or
 * one per input.
 */
export type InputPart = 'all' | Sign | number | readonly number[]
/** The layer's weights, their positive or negative part, their squares, or ones. */
export type WeightPart = 'all' | 'positive' | 'negative' | 'square' | 'ones'

/** Parts of weights, each times its coefficient, summed up: `{ all: 1, positive: 0.25 }` is w + 0.25·w⁺. */
export type Mixture = Readonly<Partial<Record<WeightPart, number>>>

/** What Z, alpha-beta, flat and w-square put in place of a denominator of exactly zero. */
export const safeDenominator = 1e-7
/**
 * What they put in place of less, where a denominator is known to be above zero. An output that is as small has no relevance to speak of, and
 * a comparison with zero would cost a runtime three times as much as this one.
 */
export const leastDenominator = 1e-10

/** LRP-Z, or LRP-0 (Bach et al. 2015, eq. 56; Montavon et al. 2019, table 1). */
export function z(bias = true): Rule {
  return { name: 'Z', passes: [{ factor: 1, bias, terms: [{ input: 'all', weights: 'all' }] }] }
}

/** LRP-ε (Bach et al. 2015, eq. 58): weak and contradictory relevance is taken up by ε. */
export function epsilon(value = 1e-7, bias = true): Rule {
  return { name: 'Epsilon', passes: [{ factor: 1, bias, epsilon: value, terms: [{ input: 'all', weights: 'all' }] }] }
}

/** LRP-w² (Montavon et al., "Explaining nonlinear classification decisions with deep Taylor decomposition", 2017). */
export function wSquare(): Rule {
  return { name: 'WSquare', passes: [{ factor: 1, bias: false, terms: [{ input: 1, weights: 'square' }] }] }
}

/** LRP-♭ (Lapuschkin et al., "Understanding and Comparing Deep Neural Networks for Age and Gender Classification", 2017). */
export function flat(): Rule {
  return { name: 'Flat', passes: [{ factor: 1, bias: false, terms: [{ input: 1, weights: 'ones' }] }] }
}

/** LRP-αβ (Bach et al. 2015, eq. 60): activating and inhibiting contributions apart; alpha − beta has to be 1. */
export function alphaBeta(alpha: number, beta: number, bias = true): Rule {
  const activating: Pass = {
    factor: alpha,
    bias,
    terms: [
      { input: 'positive', weights: 'positive' },
      { input: 'negative', weights: 'negative' }
    ]
  }
  const inhibiting: Pass = {
    factor: -beta,
    bias,
    terms: [
      { input: 'positive', weights: 'negative' },
      { input: 'negative', weights: 'positive' }
    ]
  }
  return { name: `Alpha${alpha}Beta${beta}`, passes: [inhibiting, activating].filter(({ factor }) => factor !== 0) }
}

/** LRP-z⁺ (Montavon et al. 2017): alpha 1, beta 0 without the bias. */
export function zPlus(): Rule {
  return { ...alphaBeta(1, 0, false), name: 'ZPlus' }
}

/**
 * LRP-γ (Montavon et al. 2019, table 1): weights w + γ·w⁺, so that what speaks for an output outweighs what speaks against it. In
 * the form that is right for inputs and outputs of both signs (Andéol et al., "Learning domain invariant representations by
 * joint Wasserstein distance minimization", 2021; zennit's Gamma): what has the sign of the output is strengthened. It is the paper's
 * where inputs are not negative and the output is positive. The bias is the weight of an input of 1.
 * @param gamma from 0, which is LRP-Z; towards infinity it becomes LRP-α1β0
 */
export function gamma(gamma = 0.25, bias = true): Rule {
  const pass = (outputs: Sign, other: Sign): Pass => ({
    factor: 1,
    outputs,
    bias: bias && { all: 1, [outputs]: gamma },
    terms: [
      { input: 'positive', weights: 'all' },
      { input: 'positive', weights: outputs, coefficient: gamma },
      { input: 'negative', weights: 'all' },
      { input: 'negative', weights: other, coefficient: gamma }
    ]
  })
  return { name: `Gamma${gamma}`, passes: [pass('positive', 'negative'), pass('negative', 'positive')] }
}

/** LRP-z^B (Montavon et al. 2017) for inputs that lie between `low` and `high`, each a number or one per input channel. */
export function bounded(low: number | readonly number[], high: number | readonly number[]): Rule {
  const terms: Term[] = [
    { input: 'all', weights: 'all' },
    { input: low, weights: 'positive', coefficient: -1 },
    { input: high, weights: 'negative', coefficient: -1 }
  ]
  return { name: 'Bounded', bounds: [low, high], passes: [{ factor: 1, bias: false, terms }] }
}
