/** What it is worth to judge the faces of several cameras together, against one at a time; both take turns in one run. */
import { systemClock } from '#painlens/core/clock.js'
import { silentLog } from '#painlens/core/log.js'
import type { Face } from '#painlens/core/types.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { median } from '#painlens/lib/statistics/index.js'
import { type Classifier, startClassifier } from '#painlens/stages/classify/index.js'
import { ms, table } from './table.js'

export interface BatchBench {
  manifest: Manifest
  /** Faces of a measurement, of all cameras together. */
  faces: number
  rounds: number
}

const cameraCounts = [1, 2, 4, 8]
/** As many as the most cameras have. */
const largestBatch = 8

/** @returns a Markdown table; `auto` chooses where the models run */
export async function batchTable(benches: readonly BatchBench[], threads: number): Promise<string> {
  const rows: string[][] = []
  for (const bench of benches) rows.push(...(await compare(bench, threads)))
  return table(['model, provider', 'cameras', 'together, ms per face', 'one at a time', 'ratio'], rows)
}

async function compare({ manifest, faces, rounds }: BatchBench, threads: number): Promise<string[][]> {
  const open = (most: number) =>
    startClassifier({ manifest, provider: 'auto', threads, log: silentLog, largestBatch: most })
  const [together, alone] = [await open(largestBatch), await open(1)]
  const face = someFace(manifest)
  const rows: string[][] = []
  for (const cameras of cameraCounts) {
    const times: [number[], number[]] = [[], []]
    for (let round = 0; round <= rounds; round++) {
      // Each has its turn to be the first.
      const order = round % 2 === 0 ? [0, 1] : [1, 0]
      for (const which of order) {
        const perFace = await judge([together, alone][which]!, face, cameras, faces)
        if (round > 0) times[which]!.push(perFace)
      }
    }
    const [batched, single] = [median(times[0]), median(times[1])]
    const name = `${manifest.name}, ${together.proof.provider}`
    rows.push([name, String(cameras), ms(batched), ms(single), (batched / single).toFixed(2)])
  }
  await Promise.all([together.stop(), alone.stop()])
  return rows
}

/** Each camera has its next face judged as soon as it knows of the one before. @returns ms per face */
async function judge(classifier: Classifier, face: Face, cameras: number, faces: number): Promise<number> {
  const startedAt = performance.now()
  const watch = async (_: unknown, i: number): Promise<void> => {
    const seen = { camera: `camera-${i}`, at: systemClock.now(), faces: [face] }
    for (let n = 0; n < faces / cameras; n++) await classifier.classify(seen).verdicts
  }
  await Promise.all(Array.from({ length: cameras }, watch))
  return (performance.now() - startedAt) / faces
}

function someFace({ input: { width, height } }: Manifest): Face {
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 7919) % 256)
  const landmarks = new Float32Array(136)
  const box = { x: 0, y: 0, width, height }
  return {
    track: 1,
    box,
    score: 1,
    roll: 0,
    whyNot: null,
    landmarks,
    zone: null,
    crop: { width, height, data, landmarks }
  }
}
