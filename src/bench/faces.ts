/** `node dist/bench/faces.js [scenes]`: which faces are found how, by size and skin tone, and what it costs. */
import { join } from 'node:path'
import { report } from '../commands/report.js'
import type { Box } from '../core/types.js'
import { packageRoot } from '../core/version.js'
import { overlap } from '../face/boxes.js'
import { buildFaceModels } from '../face/models/index.js'
import { FaceNetworks, frameTensor } from '../face/networks.js'
import { type FaceMethod, faceMethods } from './face-methods.js'
import { type FaceScene, facePhotos, faceScenes } from './face-pictures.js'
import { ms, table } from './table.js'

/** Widths of faces in pixels, at 1280x720; null is an empty bed. */
const sizes = [60, 80, 140, 220, 400, null] as const
const tones = ['light', 'medium', 'dark'] as const
/** A box is on a face when they overlap that much. */
const onFace = 0.3

interface Seen {
  size: number | null
  /** 0 to 2: light, medium, dark. */
  tone: number
  hit: boolean
  falseFaces: number
  cpuMs: number
}

async function main(count: number): Promise<number> {
  const models = await buildFaceModels({ outDir: join(packageRoot, 'models/face') })
  const networks = await FaceNetworks.open(models, { provider: 'cpu', threads: 1 })
  const seen = faceMethods.map((): Seen[] => [])
  for (const size of sizes) {
    for await (const scene of faceScenes(size, count))
      for (const [i, method] of faceMethods.entries()) seen[i]!.push(await look(networks, method, scene))
    process.stderr.write(`${size ? `${size} px` : 'empty beds'}: done\n`)
  }
  const photos = await Promise.all(faceMethods.map((method) => photographs(networks, method)))
  process.stdout.write(`${count} scenes for each size, one thread\n\n${bySize(seen, photos)}\n\n${byTone(seen)}\n`)
  await networks.close()
  return 0
}

async function look(networks: FaceNetworks, method: FaceMethod, scene: FaceScene): Promise<Seen> {
  const frame = frameTensor(scene, scene.data)
  const before = process.cpuUsage()
  const boxes = await method.find(networks, frame, scene.box)
  const { user, system } = process.cpuUsage(before)
  const hits = boxes.filter((box) => scene.box && overlap(box, scene.box) > onFace)
  return {
    size: scene.size,
    tone: Math.min(2, Math.floor(scene.tone * 3)),
    hit: hits.length > 0,
    falseFaces: boxes.length - hits.length,
    cpuMs: (user + system) / 1000
  }
}

interface PhotoResult {
  found: number
  faces: number
  falseFaces: number
}

async function photographs(networks: FaceNetworks, method: FaceMethod): Promise<PhotoResult> {
  const result = { found: 0, faces: 0, falseFaces: 0 }
  if (method.needsTruth) return result
  for await (const { faces, ...picture } of facePhotos()) {
    const boxes = await method.find(networks, frameTensor(picture, picture.data), undefined)
    const isHit = (box: Box): boolean => faces.some((face) => overlap(box, face) > onFace)
    result.faces += faces.length
    result.found += faces.filter((face) => boxes.some((box) => overlap(box, face) > onFace)).length
    result.falseFaces += boxes.filter((box) => !isHit(box)).length
  }
  return result
}

const percent = (seen: readonly Seen[]): string =>
  seen.length === 0 ? '' : `${Math.round((100 * seen.filter(({ hit }) => hit).length) / seen.length)}`
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

function bySize(all: readonly Seen[][], photos: readonly PhotoResult[]): string {
  const withFace = sizes.filter((size) => size !== null)
  const head = ['method', ...withFace.map((size) => `${size} px`), 'photographs', 'false faces', 'CPU ms a frame']
  const rows = faceMethods.map(({ name }, i) => {
    const seen = all[i]!
    const { found, faces, falseFaces } = photos[i]!
    return [
      name,
      ...withFace.map((size) => percent(seen.filter((one) => one.size === size))),
      faces === 0 ? '' : `${found} of ${faces}`,
      falseFaces + sum(seen.map((one) => one.falseFaces)),
      ms(sum(seen.map(({ cpuMs }) => cpuMs)) / seen.length)
    ]
  })
  return table(head, rows)
}

/** Found, in percent: light / medium / dark. */
function byTone(all: readonly Seen[][]): string {
  const withFace = sizes.filter((size) => size !== null)
  const rows = faceMethods.map(({ name }, i) => [
    name,
    ...withFace.map((size) =>
      tones.map((_, tone) => percent(all[i]!.filter((one) => one.size === size && one.tone === tone))).join(' / ')
    )
  ])
  return table([tones.join(' / '), ...withFace.map((size) => `${size} px`)], rows)
}

main(Number(process.argv[2] ?? 60)).then(
  (code) => process.exit(code),
  (error: unknown) => process.exit(report(error))
)
