/** `npm run bench -- usable`: which real faces count as usable when they are covered, small, blurred or dark. */
import sharp from 'sharp'
import { defaultMinScore } from '#painlens/lib/face/boxes.js'
import { FaceNetworks } from '#painlens/lib/face/networks.js'
import { searchFaces } from '#painlens/lib/face/search.js'
import { sweeps } from '#painlens/lib/face/sweeps.js'
import { createRandom } from '#painlens/lib/random.js'
import { cover, covers, ornaments } from './covers/index.js'
import { facePhotos, photoFaces } from './face-pictures.js'
import { faceModels } from './models.js'
import { judge, type TurnedFace, turnFace } from './rolls.js'
import { table } from './table.js'
import { farTones, inTone } from './tones.js'
import { renderedUsable } from './usable-rendered.js'

interface Trouble {
  name: string
  /** Of the face, in pixels; 140 unless given. */
  width?: number
  change?: (face: TurnedFace, networks: FaceNetworks, seed: number) => Promise<Uint8Array<ArrayBuffer>>
}

const frame = { width: 1280, height: 720 }
const options = { minScore: defaultMinScore, around: [], sweeps: [sweeps.upright, sweeps.lying] }

const blurred = (deviation: number) => async (face: TurnedFace) =>
  new Uint8Array(
    await sharp(face.data, { raw: { ...frame, channels: 3 } })
      .blur(deviation)
      .raw()
      .toBuffer()
  )

/** What is left of the light, and a sensor's noise in grey levels. */
const dimmed = (share: number, noise: number) => async (face: TurnedFace, _: FaceNetworks, seed: number) => {
  const random = createRandom(seed)
  return Uint8Array.from(face.data, (value) => Math.min(255, Math.max(0, value * share + random.normal(0, noise))))
}

/** Grey, of little contrast, bright as skin is in infrared light. */
const infrared = async (face: TurnedFace, _: FaceNetworks, seed: number) => {
  const random = createRandom(seed)
  const out = new Uint8Array(face.data.length)
  for (let i = 0; i < out.length; i += 3) {
    const level = 0.5 * face.data[i]! + 0.35 * face.data[i + 1]! + 0.15 * face.data[i + 2]!
    out.fill(60 + 0.4 * level + random.normal(0, 4), i, i + 3)
  }
  return out
}

const troubles: readonly Trouble[] = [
  ...[...ornaments, ...covers].map((kind) => ({
    name: kind,
    change: async (face: TurnedFace, networks: FaceNetworks, seed: number) => {
      const found = nearest(face, await searchFaces(networks, face, options))
      return found ? cover(face, found.landmarks, kind, createRandom(seed)) : face.data
    }
  })),
  ...[60, 48, 40, 32].map((width) => ({ name: `${width} px wide`, width })),
  ...[2, 4, 6, 9].map((deviation) => ({ name: `blurred by ${deviation} px`, change: blurred(deviation) })),
  ...[0.15, 0.1, 0.06].map((share) => ({ name: `${100 * share} % of the light, noise 8`, change: dimmed(share, 8) })),
  { name: 'infrared', change: infrared },
  ...Object.entries(farTones).map(([name, tone]) => ({
    name,
    change: async ({ data }: TurnedFace) => inTone(data, tone)
  }))
]

function nearest<T extends { place: { centre: { x: number; y: number } } }>(
  { centre }: TurnedFace,
  faces: readonly T[]
) {
  return faces.find(({ place }) => Math.hypot(place.centre.x - centre.x, place.centre.y - centre.y) < 70)
}

export async function usableTable(): Promise<string> {
  const networks = await FaceNetworks.open(faceModels, { provider: 'cpu', threads: 1 })
  const rows: (string | number)[][] = []
  const photos = []
  for await (const photo of facePhotos()) photos.push(photo)
  for (const { name, width = 140, change } of troubles) {
    const reasons = new Map<string, number>()
    let [found, eyes, usable, wrong] = [0, 0, 0, 0]
    let seed = 1
    for (const [i, photo] of Object.keys(photoFaces).entries())
      for (const face of photoFaces[photo]!.keys()) {
        const scene = turnFace(photos[i]!, face, photo, { roll: 0, width, size: frame })
        const data = change ? await change(scene, networks, seed++) : scene.data
        const faces = await searchFaces(networks, { ...frame, data }, options)
        const outcome = judge(scene, faces, width)
        found += Number(outcome.found)
        eyes += Number(outcome.eyes)
        usable += Number(outcome.usable)
        wrong += Number(outcome.usable && !outcome.eyes)
        const why = nearest(scene, faces)?.whyNot
        if (why) reasons.set(why, (reasons.get(why) ?? 0) + 1)
      }
    const told = [...reasons].map(([reason, count]) => `${reason} ${count}`).join(', ')
    rows.push([name, found, eyes, usable, wrong, told])
    process.stderr.write(`${rows.at(-1)!.join(' | ')}\n`)
  }
  const rendered = await renderedUsable(networks, [0, 90, 180], 50)
  await networks.close()
  const real = table(['', 'found', 'eyes within 10 %', 'usable', 'usable, eyes wrong', 'why not'], rows)
  return `${real}\n\n${rendered}`
}
