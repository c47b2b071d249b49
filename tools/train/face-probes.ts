/**
 * `node tools/dist/train/face-probes.js [residents]`: fits the linear readings of the landmark net (src/lib/face/probes.ts)
 * and writes their weights. What stands upright is learnt of rendered residents alone, so that the real faces of
 * docs/measured/faces.md stay unseen; what is covered of the real ones, too, for skin is rendered too smooth, and each
 * photograph is then judged by a fit that never saw it.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Box } from '#painlens/core/types.js'
import { packageRoot } from '#painlens/core/version.js'
import { centreOf } from '#painlens/lib/face/boxes.js'
import { landmarkSide, lookOnce, markOnce, squareAround } from '#painlens/lib/face/look.js'
import { FaceNetworks } from '#painlens/lib/face/networks.js'
import { probe, RadialBasis, type RadialWeights } from '#painlens/lib/face/probes.js'
import { regionsOf, textureFeatures } from '#painlens/lib/face/regions.js'
import type { Pixels } from '#painlens/lib/face/similarity.js'
import { inTurn, pointsToFrame, toFrame, turned } from '#painlens/lib/face/similarity.js'
import { createRandom, type Random } from '#painlens/lib/random.js'
import {
  createIdentity,
  expressions,
  expressionUnits,
  type Rendered,
  randomLight,
  randomPose,
  renderPortrait
} from '#painlens/show/render/index.js'
import { type Cover, cover, covers, ornaments } from '../bench/covers/index.js'
import { facePhotos, photoEyes, photoFaces } from '../bench/face-pictures.js'
import { faceModels } from '../bench/models.js'
import { turnFace } from '../bench/rolls.js'
import { turnPortrait } from '../bench/rolls-rendered.js'
import { quantile, table } from '../bench/table.js'
import { fitRadial } from './radial.js'
import { ridge, type Sample } from './ridge.js'

/** Residents that no test and no bench draws. */
const firstSeed = 700_000
/** A face counts as upright within the first angle, as turned beyond the second, in degrees. */
const [uprightWithin, turnedBeyond] = [25, 40]
const rolls = Array.from({ length: 24 }, (_, i) => 15 * i)
const uprightPenalty = 300
const coverFit = { components: 32, centres: 300, penalty: 100, emphasis: (i: number) => (i < textureFeatures ? 1 : 2) }
/** A sample of a real face stands for so many rendered ones. */
const photoWeight = 10
/** … and one under a shape of chance for so many: what most of them hide is less than what they look like. */
const anythingWeight = 0.5
/** How many of the faces that may be covered are seen without colour. */
const greyShare = 0.2
const photoKinds = Array.from({ length: 5 }, () => [...covers, ...ornaments, ...ornaments]).flat()
const anything = Array.from({ length: 6 }, () => 'anything' as const)

interface CoverSample extends Sample {
  kind: Cover
  /** Null for a rendered resident. */
  photo: string | null
}

interface Samples {
  upright: Sample[]
  covered: CoverSample[]
}

async function main(residents: number): Promise<void> {
  const networks = await FaceNetworks.open(faceModels, { provider: 'cpu', threads: 1 })
  const samples: Samples = { upright: [], covered: [] }
  for (let i = 0; i < residents; i++) {
    await addResident(networks, firstSeed + i, i, samples)
    if (i % 20 === 19) process.stderr.write(`${i + 1} residents\n`)
  }
  await addPhotos(networks, samples.covered)
  await networks.close()
  process.stdout.write(`${seenKinds(samples.covered)}\n\n${unseenKinds(samples.covered)}\n`)
  await writeFile(
    join(packageRoot, 'src/lib/face/probe-weights.ts'),
    weightsFile(ridge(samples.upright, uprightPenalty), fitCovers(samples.covered))
  )
}

const fitCovers = (samples: readonly CoverSample[]): RadialWeights => fitRadial(samples, coverFit, createRandom(1))

function weightsFile(upright: Float32Array, covered: RadialWeights): string {
  const rows = Object.entries(covered).map(([name, values]) => `  ${name}:\n    '${toBase64(values)}'`)
  const declared = (name: string, value: string): string => `export const ${name} = ${value}\n`
  return [
    '/** Made by tools/train/face-probes.ts: float32, little-endian, or int8, in base64; a bias comes last. */\n',
    declared('uprightWeights', `\n  '${toBase64(upright)}'`),
    `/** See \`RadialWeights\`. */\n${declared('covered', `{\n${rows.join(',\n')}\n}`)}`
  ].join('\n')
}

const targetOf = (kind: Cover): number => ((ornaments as readonly string[]).includes(kind) ? -1 : 1)

async function addResident(networks: FaceNetworks, seed: number, i: number, samples: Samples): Promise<void> {
  const random = createRandom(seed)
  const units = expressionUnits(expressions[i % expressions.length]!, random.uniform(0.2, 1), random)
  const pose = randomPose(random)
  const resident = {
    identity: createIdentity(seed),
    units,
    pose,
    light: randomLight(random),
    faceSize: random.uniform(80, 180),
    noise: random.uniform(0, 6),
    blur: random.uniform(0, 1),
    seed
  }
  const picture = await renderPortrait(resident)
  for (const roll of rolls) {
    const seen = await see(networks, picture, picture.box, roll + random.uniform(-7, 7), random)
    if (!seen) continue
    const off = Math.abs(inTurn(pose.roll - seen.roll))
    const target = off < uprightWithin ? 1 : off > turnedBeyond ? -1 : 0
    if (target !== 0) samples.upright.push({ features: seen.marks.feature, target })
  }
  await addCovered(networks, { picture, roll: pose.roll }, random, samples.covered)
  // The same person in another light, in a camera that is rolled: the whole picture is turned, for a drawn head turns only on its neck.
  const [portrait, roll] = [
    await renderPortrait({ ...resident, light: randomLight(random) }),
    random.uniform(-180, 180)
  ]
  await addCovered(networks, turnedScene(portrait, pose.roll, roll), random, samples.covered)
}

interface Scene {
  picture: Pick<Rendered, 'width' | 'height' | 'data' | 'box' | 'landmarks'>
  /** The face's own. */
  roll: number
}

/** A portrait, turned about its middle within a picture in which its corners fit. */
function turnedScene(portrait: Rendered, own: number, by: number): Scene {
  const side = Math.ceil(portrait.width * Math.SQRT2)
  const size = { width: side, height: side }
  const [from, to] = [portrait.width / 2, side / 2]
  const [cos, sin] = turned(1, 0, by)
  const way = { a: cos, b: sin, tx: to - (cos * from - sin * from), ty: to - (sin * from + cos * from) }
  const centre = toFrame(way, centreOf(portrait.box))
  const { width, height } = portrait.box
  const box = { x: centre.x - width / 2, y: centre.y - height / 2, width, height }
  const landmarks = pointsToFrame(way, portrait.landmarks)
  return { picture: { ...turnPortrait(portrait, by, size), box, landmarks }, roll: own + by }
}

async function addCovered(
  networks: FaceNetworks,
  { picture, roll }: Scene,
  random: Random,
  samples: CoverSample[]
): Promise<void> {
  for (const kind of [...covers, ...anything, ...ornaments, ...ornaments, ...ornaments]) {
    const data = await cover(picture, picture.landmarks, kind, random)
    const seenAt = roll + random.uniform(-8, 8)
    const features = await seeParts(networks, { ...picture, data }, picture.box, seenAt, random)
    const target = targetOf(kind)
    const weight = kind === 'anything' ? anythingWeight : 1
    if (features) samples.push({ kind, photo: null, features, target, weight })
  }
}

/** What the landmark net makes of a face, found about where it is by a detector that looks at it turned. */
async function see(networks: FaceNetworks, picture: Pixels, box: Box, roll: number, random: Random) {
  const off = (): number => random.uniform(-0.08, 0.08) * box.width
  const centre = { x: box.x + box.width / 2 + off(), y: box.y + box.height / 2 + off() }
  const place = { centre, width: box.width * random.uniform(0.95, 1.2), height: box.height, roll }
  const look = await lookOnce(networks, picture, squareAround(place))
  return look && { ...(await markOnce(networks, picture, look.place)), roll }
}

/** The same of a face that something may cover; a share of the pictures is as grey as a camera's at night. */
async function seeParts(networks: FaceNetworks, picture: Pixels, box: Box, roll: number, random: Random) {
  const shown = random.chance(greyShare) ? { ...picture, data: greyed(picture.data, random) } : picture
  const seen = await see(networks, shown, box, roll, random)
  return seen && regionsOf(seen.marks, landmarkSide, shown, seen.landmarks)
}

/** Grey, with as much of its contrast, or down to 0.4 of it. */
function greyed(data: Uint8Array, random: Random): Uint8Array {
  const contrast = random.uniform(0.4, 1)
  const out = new Uint8Array(data.length)
  for (let i = 0; i < data.length; i += 3) {
    const level = 0.5 * data[i]! + 0.35 * data[i + 1]! + 0.15 * data[i + 2]!
    out.fill(60 * (1 - contrast) * (5 / 3) + contrast * level, i, i + 3)
  }
  return out
}

/** Real faces, each upright and under every cover and ornament. */
async function addPhotos(networks: FaceNetworks, samples: CoverSample[]): Promise<void> {
  const random = createRandom(firstSeed)
  const names = Object.keys(photoFaces)
  for await (const photo of facePhotos()) {
    const name = names.shift()!
    for (const [face, eyes] of photoEyes[name]!.entries()) {
      // In profile half a face is hidden by the other.
      if (!eyes) continue
      const scene = turnFace(photo, face, name, { roll: 0, size: { width: 480, height: 480 } })
      const box = { x: 240 - 70, y: 240 - 95, width: 140, height: 190 }
      const plain = await see(networks, scene, box, scene.roll, random)
      if (!plain) continue
      for (const kind of photoKinds) {
        const data = await cover(scene, plain.landmarks, kind, random)
        const roll = scene.roll + random.uniform(-8, 8)
        const features = await seeParts(networks, { ...scene, data }, box, roll, random)
        if (features) samples.push({ kind, photo: name, features, target: targetOf(kind), weight: photoWeight })
      }
    }
  }
}

/** The photographs' scores, each by a fit without that photograph and without the covers in `without`. */
function crossValidated(samples: readonly CoverSample[], without?: Cover): (CoverSample & { score: number })[] {
  return Object.keys(photoFaces).flatMap((name) => {
    const fit = fitCovers(samples.filter(({ photo, kind }) => photo !== name && kind !== without))
    const own = samples.filter(({ photo }) => photo === name)
    const basis = new RadialBasis(fit)
    return own.map((sample) => ({ ...sample, score: probe(fit.weights, basis.features(sample.features)) }))
  })
}

type Scored = ReturnType<typeof crossValidated>

/** The score that a share of the uncovered faces reaches. */
const limitAt = (scored: Scored, share: number): number =>
  quantile(
    scored.filter(({ target }) => target < 0).map(({ score }) => score),
    1 - share
  )!

/** In percent. */
function told(scored: Scored, kind: Cover, limit: number): string {
  const own = scored.filter((sample) => sample.kind === kind)
  return `${Math.round((100 * own.filter(({ score }) => score > limit).length) / own.length)}`
}

/** The shares found of each cover and ornament, by what share of the uncovered is taken for covered. */
function seenKinds(samples: readonly CoverSample[]): string {
  const scored = crossValidated(samples)
  const rows = [0.1, 0.05, 0.02].map((share) => {
    const limit = limitAt(scored, share)
    return [limit.toFixed(2), ...[...covers, ...ornaments].map((kind) => told(scored, kind, limit))]
  })
  return table(['from', ...covers, ...ornaments], rows)
}

/** The same of covers of which the fit has seen none, at 5 %. */
function unseenKinds(samples: readonly CoverSample[]): string {
  const row = covers.map((kind) => {
    const scored = crossValidated(samples, kind)
    return told(scored, kind, limitAt(scored, 0.05))
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
