import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Size } from '#painlens/core/types.js'
import type { Expression } from '#painlens/show/render/index.js'
import { planSample, type SamplePlan, type Split, splits } from './recipe.js'
import { renderCrops } from './render-crops.js'

/** What is known of a sample once it is rendered. */
export interface SampleFacts extends Pick<SamplePlan, 'expression' | 'intensity' | 'resting' | 'faceSize'> {
  expression: Expression
  /** The person, counted within the split. */
  identity: number
  /** The identity's skin, 0 the lightest, 1 the darkest. */
  tone: number
}

export interface Samples {
  facts: SampleFacts[]
  /** Crops of each sample, the same face with other errors of the landmarks. */
  variants: number
  /** RGB24, all variants of a sample one after the other, one chunk per identity. */
  pixels: Uint8Array[]
}

export interface SampleSource {
  /** Size of the crops. */
  size: Size
  variants: number
  /** Where rendered identities are kept between runs. */
  cache: string
  /** Called after each identity. */
  onProgress?: (done: number, total: number) => void
}

/** Renders in flight: librsvg runs in libuv's threads while JavaScript draws the next face. */
const atOnce = 3

/** All samples of a split's first `identities`, from the cache where it has them. The same on every run. */
export async function loadSamples(split: Split, identities: number, source: SampleSource): Promise<Samples> {
  const folder = join(source.cache, await fingerprint(source))
  await mkdir(folder, { recursive: true })
  const pixels = new Array<Uint8Array>(identities)
  let next = 0
  let done = 0
  const work = async (): Promise<void> => {
    while (next < identities) {
      const identity = next++
      const file = join(folder, `${split}-${identity}.rgb`)
      pixels[identity] = await cached(file, () => renderIdentity(split, identity, source))
      source.onProgress?.(++done, identities)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return { facts: factsOf(split, identities), variants: source.variants, pixels }
}

function factsOf(split: Split, identities: number): SampleFacts[] {
  return plansOf(split, 0, identities).map(({ expression, intensity, resting, faceSize, identity }, i) => ({
    ...{ expression, intensity, resting, faceSize },
    identity: Math.floor(i / splits[split].samples),
    tone: identity.tone
  }))
}

function plansOf(split: Split, first: number, count: number): SamplePlan[] {
  const { samples } = splits[split]
  return Array.from({ length: count * samples }, (_, i) =>
    planSample(split, first + Math.floor(i / samples), i % samples)
  )
}

async function renderIdentity(split: Split, identity: number, { size, variants }: SampleSource): Promise<Uint8Array> {
  const crops: Uint8Array[] = []
  for (const plan of plansOf(split, identity, 1)) crops.push(await renderCrops(plan, size, variants))
  return Buffer.concat(crops)
}

async function cached(file: string, render: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch {
    const pixels = await render()
    const temporary = `${file}.${process.pid}.tmp`
    await writeFile(temporary, pixels)
    await rename(temporary, file)
    return pixels
  }
}

/** Changes as soon as the renderer, the recipe or the alignment gives other pixels, and the cache is rebuilt. */
async function fingerprint({ size, variants }: SampleSource): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify({ size, variants, splits }))
  for (let i = 0; i < 4; i++) {
    const plan = planSample('train', i, i)
    hash.update(JSON.stringify(plan)).update(await renderCrops(plan, size, 1))
  }
  return hash.digest('hex').slice(0, 12)
}
