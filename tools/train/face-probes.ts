/**
 * `node tools/dist/train/face-probes.js [residents]`: fits the readings of the landmark net (src/lib/face/probes.ts)
 * and writes their weights. What stands upright is learnt of rendered residents alone, so that the real faces of
 * docs/measured/faces.md stay unseen; what is covered of the real ones, too, for skin is rendered too smooth. Each
 * photograph, and each resident, is then judged by a fit that never saw it.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '#painlens/core/version.js'
import { FaceNetworks } from '#painlens/lib/face/networks.js'
import { Perceptron, type PerceptronWeights } from '#painlens/lib/face/probes.js'
import { createRandom } from '#painlens/lib/random.js'
import { type Cover, covers, ornaments } from '../bench/covers/index.js'
import { faceModels } from '../bench/models.js'
import { quantile, table } from '../bench/table.js'
import { type CoverSample, collectSamples, folds } from './face-samples.js'
import { fitPerceptron } from './perceptron.js'
import { ridge } from './ridge.js'

const uprightPenalty = 300
const coverFit = {
  hidden: 48,
  rounds: 8,
  batch: 256,
  learningRate: 0.003,
  weightDecay: 0.05,
  dropout: 0.3,
  noise: 0.3
}
/** A sample of a real face stands for so many rendered ones. */
const photoWeight = 7.5
/** … and one under a shape of chance for so many: what most of them hide is less than what they look like. */
const anythingWeight = 0.5

async function main(residents: number): Promise<void> {
  const networks = await FaceNetworks.open(faceModels, { provider: 'cpu', threads: 1 })
  const { upright, covered } = await collectSamples(networks, residents, (people) => {
    if (people % 20 === 0) process.stderr.write(`${people} people\n`)
  })
  await networks.close()
  process.stdout.write(`${seenKinds(covered)}\n\n${unseenKinds(covered)}\n`)
  await writeFile(
    join(packageRoot, 'src/lib/face/probe-weights.ts'),
    weightsFile(ridge(upright, uprightPenalty), fitCovers(covered))
  )
}

const weightOf = ({ who, kind }: CoverSample): number =>
  who === 'photo' ? photoWeight : kind === 'anything' ? anythingWeight : 1

const fitCovers = (samples: readonly CoverSample[]): PerceptronWeights =>
  fitPerceptron(
    samples.map((sample) => ({ ...sample, weight: weightOf(sample) })),
    coverFit,
    createRandom(1)
  )

function weightsFile(upright: Float32Array, covered: PerceptronWeights): string {
  const rows = Object.entries(covered).map(([name, values]) => `  ${name}:\n    '${toBase64(values)}'`)
  const declared = (name: string, value: string): string => `export const ${name} = ${value}\n`
  return [
    '/** Made by tools/train/face-probes.ts: float32, little-endian, or int8, in base64; a bias comes last. */\n',
    declared('uprightWeights', `\n  '${toBase64(upright)}'`),
    `/** See \`PerceptronWeights\`. */\n${declared('covered', `{\n${rows.join(',\n')}\n}`)}`
  ].join('\n')
}

/** The scores, each by a fit without the own photograph or sixth of the residents, and without the covers in `without`. */
function crossValidated(samples: readonly CoverSample[], without?: Cover): (CoverSample & { score: number })[] {
  return Array.from({ length: folds }).flatMap((_, own) => {
    const net = new Perceptron(fitCovers(samples.filter(({ fold, kind }) => fold !== own && kind !== without)))
    return samples.filter(({ fold }) => fold === own).map((sample) => ({ ...sample, score: net.read(sample.features) }))
  })
}

type Scored = ReturnType<typeof crossValidated>

const those = (scored: Scored, whose: CoverSample['who']): Scored => scored.filter(({ who }) => who === whose)

/** The score that a share of the uncovered real faces reaches. */
const limitAt = (scored: Scored, share: number): number =>
  quantile(
    those(scored, 'photo')
      .filter(({ target }) => target < 0)
      .map(({ score }) => score),
    1 - share
  )!

/** In percent. */
function told(scored: Scored, kind: Cover, limit: number): string {
  const own = scored.filter((sample) => sample.kind === kind)
  return `${Math.round((100 * own.filter(({ score }) => score > limit).length) / own.length)}`
}

/** The shares found of each cover and ornament, by what share of the uncovered real faces is taken for covered. */
function seenKinds(samples: readonly CoverSample[]): string {
  const scored = crossValidated(samples)
  const rows = (['photo', 'drawn'] as const).flatMap((whose) =>
    [0.1, 0.05, 0.02].map((share) => {
      const limit = limitAt(scored, share)
      const own = those(scored, whose)
      return [`${whose}, ${limit.toFixed(2)}`, ...[...covers, ...ornaments].map((kind) => told(own, kind, limit))]
    })
  )
  return table(['from', ...covers, ...ornaments], rows)
}

/** The same of covers of which the fit has seen none, at 5 %. */
function unseenKinds(samples: readonly CoverSample[]): string {
  const row = covers.map((kind) => {
    const scored = crossValidated(samples, kind)
    return told(those(scored, 'photo'), kind, limitAt(scored, 0.05))
  })
  return table(['never seen', ...covers], [['', ...row]])
}

function toBase64(weights: Float32Array | Int8Array): string {
  if (weights instanceof Int8Array) return Buffer.from(weights.buffer).toString('base64')
  const bytes = Buffer.alloc(weights.length * 4)
  for (const [i, weight] of weights.entries()) bytes.writeFloatLE(weight, 4 * i)
  return bytes.toString('base64')
}

await main(Number(process.argv[2] ?? 200))
process.exit(0)
