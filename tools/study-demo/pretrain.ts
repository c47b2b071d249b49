/** Pre-training on telling people apart, as VGG-Face was (Parkhi, Vedaldi and Zisserman 2015), on rendered ones. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { progressLine } from '#painlens/core/progress-line.js'
import { vggDemo, vggInput, writeVgg } from '#painlens/lib/vgg/index.js'
import { fitDefaults, fitNetwork } from '../train/fit.js'
import { loadSamples } from '../train/samples.js'
import type { DemoContext } from './sizes.js'

/** Crops of each picture, told apart by the landmarks' errors. */
const variants = 3
/** Brings the input to about -1..1, from which He's weights keep the activations. */
export const inputScale = 1 / 128

/**
 * Writes `people/base.onnx` with its manifest: as many outputs as people. While it learns each layer is normalized; the normalization is
 * folded into the weights in the end, so that the base is a plain VGG.
 */
export async function pretrain({ out, size, seed, write }: DemoContext): Promise<void> {
  const folder = join(out, 'people')
  await mkdir(folder, { recursive: true })
  const samples = await loadSamples('train', size.people, {
    size: vggDemo.input,
    variants,
    cache: join(folder, 'cache'),
    onProgress: progressLine('people', write)
  })
  const spec = { ...vggDemo, dense: [...vggDemo.dense.slice(0, -1), size.people] }
  const progress = progressLine('steps', write)
  let smoothed: number | undefined
  const weights = await fitNetwork(spec, vggInput(spec, inputScale), samples, {
    ...fitDefaults,
    epochs: size.peopleEpochs,
    seed,
    // Single batches are luckier or unluckier than any progress.
    onStep: (step, steps, loss) => {
      smoothed = smoothed === undefined ? loss : smoothed + (loss - smoothed) * 0.05
      progress(step, steps, `loss ${smoothed.toFixed(3)} (guessing: ${Math.log(size.people).toFixed(3)})`)
    }
  })
  await writeVgg(join(folder, 'base.onnx'), spec, weights, {
    name: 'rendered-people',
    labels: Array.from({ length: size.people }, (_, i) => `person-${i + 1}`),
    licence: 'Apache-2.0',
    intendedUse: 'demonstration',
    scale: inputScale
  })
}
