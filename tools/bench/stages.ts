/** What each stage costs, one frame at a time, for the demonstration model and a VGG-Face of full size. */
import { systemClock } from '#painlens/core/clock.js'
import { silentLog } from '#painlens/core/log.js'
import type { Face, Frame } from '#painlens/core/types.js'
import { createExplainer } from '#painlens/lib/lrp/index.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { batchDims, preprocess } from '#painlens/lib/model/preprocess.js'
import { median } from '#painlens/lib/statistics/index.js'
import { startClassifier } from '#painlens/stages/classify/index.js'
import { startDetector } from '#painlens/stages/detect/index.js'
import { faceModels } from './models.js'
import { ms, table, timed } from './table.js'

const composites = ['lrp.sequential_preset_a_flat', 'lrp.sequential_preset_b_flat'] as const

export interface StageCosts {
  detect: number
  classify: number
  explain: Record<string, number>
}

async function measure(
  manifest: Manifest,
  frames: readonly Frame[],
  threads: number,
  rounds: number
): Promise<StageCosts> {
  const { input, alignment } = manifest
  const detector = await startDetector({
    models: faceModels,
    crop: input,
    alignment,
    provider: 'cpu',
    threads,
    log: silentLog
  })
  const classifier = await startClassifier({ manifest, provider: 'cpu', threads, log: silentLog })
  try {
    const faces: Face[] = []
    const detect = await timed(frames.length - 1, async (i) => {
      faces.push(...(await detector.detect(frames[i]!, [])).faces)
    })
    if (faces.length === 0) throw new Error('no face found in the rendered frames')
    const classify = await timed(
      rounds,
      (i) => classifier.classify({ camera: 'bench', at: systemClock.now(), faces: [faces[i % faces.length]!] }).verdicts
    )
    await classifier.stop()
    await detector.stop()
    return {
      detect: median(detect),
      classify: median(classify),
      explain: await explainTimes(manifest, faces[0]!, threads, rounds)
    }
  } finally {
    await Promise.all([detector.stop(), classifier.stop()])
  }
}

async function explainTimes(
  manifest: Manifest,
  face: Face,
  threads: number,
  rounds: number
): Promise<Record<string, number>> {
  const sample = { data: preprocess(face.crop, manifest.input), dims: batchDims(manifest.input, 1) }
  const times: Record<string, number> = {}
  for (const composite of composites) {
    const explainer = await createExplainer({ model: manifest.file, composite, engine: 'tfjs', threads })
    const calls = Math.max(3, Math.min(rounds, 15))
    times[composite] = median(await timed(calls, () => explainer.explain(sample, { target: manifest.alarmIndex })))
    await explainer.close()
  }
  return times
}

/** @param models each with how often to call it: a large one takes long */
export async function stageTable(
  models: readonly { manifest: Manifest; rounds: number }[],
  frames: readonly Frame[],
  threads: number
): Promise<string> {
  const costs: StageCosts[] = []
  for (const { manifest, rounds } of models) costs.push(await measure(manifest, frames, threads, rounds))
  const rows = [
    ['detect (find, landmarks, align)', ...costs.map(({ detect }) => ms(detect))],
    ['classify', ...costs.map(({ classify }) => ms(classify))],
    ...composites.map((name) => [`explain, ${name} (tfjs)`, ...costs.map(({ explain }) => ms(explain[name]!))])
  ]
  return table(['median ms per frame', ...models.map(({ manifest }) => manifest.name)], rows)
}
