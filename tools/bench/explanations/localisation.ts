/** How much of the relevance lies on what moved, per composite, against chance. */
import { type Crop, regionNames } from '#painlens/core/types.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { explainViews } from '#painlens/stages/explain/explain-crop.js'
import { regionMap } from '#painlens/stages/explain/regions.js'
import { openSource } from '#painlens/stages/explain/source.js'
import { views } from '#painlens/stages/explain/views.js'
import { table } from '../table.js'
import type { KnownFace } from './faces.js'
import { bootstrap, estimateText, mean } from './statistics.js'

const composites = [
  'lrp.z',
  'lrp.epsilon',
  'lrp.w_square',
  'lrp.flat',
  'lrp.alpha_1_beta_0',
  'lrp.alpha_2_beta_1',
  'lrp.alpha_2_beta_1_IB',
  'lrp.z_plus',
  'lrp.sequential_preset_a',
  'lrp.sequential_preset_b',
  'lrp.sequential_preset_a_flat',
  'lrp.sequential_preset_b_flat',
  'lrp.sequential_preset_b_flat_IB'
] as const
const served = 'lrp.sequential_preset_a_flat'

/** One map of one face against the truth. Shares are 0..1. */
export interface Placed {
  identity: number
  /** The largest positive relevance lies on a moved place; a map without any misses. */
  hit: number
  /** The share of the positive relevance that lies on moved places, of all and of that on the face; 0 where there is none. */
  mass: number
  massOnFace: number
  /** There is positive relevance at all. */
  some: number
}

/** Marks the pixels of a crop that are face: whatever is in another region than `outside`. */
function faceMask({ landmarks, width, height }: Crop): Uint8Array {
  const outside = regionNames.indexOf('outside')
  return regionMap(landmarks, { width, height }).map((region) => (region === outside ? 0 : 1))
}

/** Scores a map by the pointing game (Zhang et al. 2018) and by relevance mass (Arras et al. 2022). */
export function placed(map: Float32Array, moved: Uint8Array, face: Uint8Array): Omit<Placed, 'identity'> {
  let [onMoved, all, onMovedFace, onFace, best] = [0, 0, 0, 0, -1]
  map.forEach((value, i) => {
    if (!(value > 0)) return
    if (best < 0 || value > map[best]!) best = i
    all += value
    if (moved[i]) onMoved += value
    if (face[i]) onFace += value
    if (face[i] && moved[i]) onMovedFace += value
  })
  const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0)
  return {
    hit: best >= 0 ? moved[best]! : 0,
    mass: share(onMoved, all),
    massOnFace: share(onMovedFace, onFace),
    some: all > 0 ? 1 : 0
  }
}

/** What a map that knows nothing scores: the places' share of the crop's area, and of the face's. */
function chance({ crop, moved, identity }: KnownFace): Placed {
  const found = placed(new Float32Array(moved.length).fill(1), moved, faceMask(crop))
  return { identity, ...found, hit: found.mass }
}

/** Where the picture has edges, which needs no model: the length of the grey levels' gradient (central differences). */
function edges({ data, width, height }: Crop): Float32Array {
  const grey = (x: number, y: number): number => {
    const at = 3 * (y * width + x)
    return 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!
  }
  return Float32Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    if (x === 0 || y === 0 || x === width - 1 || y === height - 1) return 0
    return Math.hypot(grey(x + 1, y) - grey(x - 1, y), grey(x, y + 1) - grey(x, y - 1))
  })
}

export interface LocalisationOptions {
  manifest: Manifest
  threads: number
  /** How many views the mean map is of. */
  views: number
}

/** @param faces with the label to explain, which is what they show */
export async function localisationTable(
  faces: readonly (KnownFace & { label: number })[],
  options: LocalisationOptions
): Promise<string> {
  const score = (face: KnownFace, map: Float32Array): Placed => ({
    identity: face.identity,
    ...placed(map, face.moved, faceMask(face.crop))
  })
  const rows = [
    row('chance: the share of the area', faces.map(chance)),
    row(
      'edges of the picture, no model',
      faces.map((face) => score(face, edges(face.crop)))
    )
  ]
  for (const composite of composites) {
    const maps = await mapsOf(faces, composite, options)
    const about = (name: string, kind: keyof (typeof maps)[number]): string[] =>
      row(
        name,
        faces.map((face, i) => score(face, maps[i]![kind]))
      )
    rows.push(about(composite, 'crop'))
    if (composite === served) rows.push(about(`${composite}, mean over ${options.views} views`, 'mean'))
  }
  const head = ['map', 'pointing game', 'relevance mass', 'mass within the face', 'without positive relevance']
  return table(head, rows)
}

function row(name: string, found: readonly Placed[]): string[] {
  const about = (key: 'hit' | 'mass' | 'massOnFace'): string =>
    estimateText(
      bootstrap(
        found,
        ({ identity }) => identity,
        (rows) => mean(rows.map((one) => one[key]))
      )
    )
  return [name, about('hit'), about('mass'), about('massOnFace'), String(found.filter(({ some }) => !some).length)]
}

async function mapsOf(
  faces: readonly (KnownFace & { label: number })[],
  composite: string,
  { manifest, threads, views: count }: LocalisationOptions
): Promise<{ crop: Float32Array; mean: Float32Array }[]> {
  const source = await openSource(manifest, { composite, engine: 'onnx', threads })
  const looked = views.slice(0, composite === served ? count : 1)
  const maps: { crop: Float32Array; mean: Float32Array }[] = []
  try {
    for (const { crop, label } of faces) {
      const { answers } = await explainViews(source, manifest.input, crop, looked, label)
      const [first] = answers
      const average = first!.relevance.map((_, i) => mean(answers.map(({ relevance }) => relevance[i]!)))
      maps.push({ crop: first!.relevance, mean: average })
    }
    return maps
  } finally {
    await source.close()
  }
}
