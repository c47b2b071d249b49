/** Faces judged a second in float32 and in int8, in turns, in the worker of the classify stage. */
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Moment } from '#painlens/core/clock.js'
import { silentLog } from '#painlens/core/log.js'
import type { Face } from '#painlens/core/types.js'
import { proofCrops } from '#painlens/daemon/wiring/drawn-faces.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { median } from '#painlens/lib/statistics/index.js'
import { type Classifier, startClassifier } from '#painlens/stages/classify/index.js'
import { quantised } from './models.js'
import { table } from './table.js'

export interface PrecisionBench {
  manifest: Manifest
  /** Faces of each round. */
  faces: number
  rounds: number
}

/** With VNNI, and without. */
const aims = { vnni: 2.7, plain: 1.6 }

/** @returns a Markdown table with the ratios, and which instructions this processor has */
export async function precisionTable(benches: readonly PrecisionBench[], threads: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-bench-'))
  try {
    const rows: string[][] = []
    for (const bench of benches) rows.push(await row(bench, folder, threads))
    const vnni = vnniOf()
    const said = vnni === null ? 'unknown' : vnni ? 'with VNNI' : 'without VNNI'
    const head = ['model', 'float32, faces a second', 'int8', 'ratio', 'aim', 'proof at start, mean', 'max']
    return `${table(
      head,
      rows.map((cells) => cells.toSpliced(4, 0, String(vnni === false ? aims.plain : aims.vnni)))
    )}\n\n${threads} threads, ${said}`
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function row({ manifest, faces, rounds }: PrecisionBench, folder: string, threads: number): Promise<string[]> {
  const quick = await quantised(manifest, folder)
  const data = await proofCrops(manifest)
  const open = (choice: 'float32' | 'int8'): Promise<Classifier> => {
    const precision = { choice, proofCrops: async () => data, thresholds: [] }
    return startClassifier({ manifest: quick, provider: 'cpu', threads, precision, log: silentLog })
  }
  const classifiers = [await open('float32'), await open('int8')] as const
  const judged = Array.from({ length: faces }, (_, i) => faceOf(data[i % data.length]!, manifest))
  const times: [number[], number[]] = [[], []]
  for (let round = 0; round <= rounds; round++) {
    for (const [i, classifier] of classifiers.entries()) {
      const startedAt = performance.now()
      await classifier.classify({ camera: 'bench', at: 0 as Moment, faces: judged }).verdicts
      if (round > 0) times[i]!.push(performance.now() - startedAt)
    }
  }
  const { used, compared, problem } = classifiers[1].precision
  for (const classifier of classifiers) await classifier.stop()
  if (used !== 'int8' || !compared) return [manifest.name, '', problem?.message ?? '', '', '', '']
  const rates = times.map((each) => (1000 * faces) / median(each))
  const ratio = median(times[0].map((each, i) => each / times[1][i]!))
  const { mean, max } = compared
  return [manifest.name, ...rates.map((rate) => rate.toFixed(1)), ratio.toFixed(2), mean.toFixed(4), max.toFixed(3)]
}

function faceOf(data: Uint8Array, { input: { width, height } }: Manifest): Face {
  const landmarks = new Float32Array(136)
  const crop = { width, height, data, landmarks }
  const box = { x: 0, y: 0, width, height }
  return { track: 1, box, score: 1, roll: 0, whyNot: null, landmarks, zone: null, crop }
}

/** Null where the system does not say. */
function vnniOf(): boolean | null {
  const file = '/proc/cpuinfo'
  return existsSync(file) ? /\bavx(512)?_vnni\b/.test(readFileSync(file, 'utf8')) : null
}
