/** `node tools/dist/bench/faces.js [scenes]`: which faces are found how, by size and skin tone, and what it costs. */
import { report } from '#painlens/commands/report.js'
import type { Box } from '#painlens/core/types.js'
import { overlap } from '#painlens/lib/face/boxes.js'
import { FaceNetworks, frameTensor } from '#painlens/lib/face/networks.js'
import { type FaceMethod, faceMethods } from './face-methods.js'
import { type FaceScene, facePhotos, faceScenes, type Scenario, scenarios } from './face-pictures.js'
import { faceModels } from './models.js'
import { ms, table } from './table.js'

const tones = ['light', 'medium', 'dark'] as const
/** A box is on a face when they overlap that much. */
const onFace = 0.3

const withFace = scenarios.filter(({ faceSize }) => faceSize !== null)

interface Seen {
  scenario: Scenario
  /** 0 to 2: light, medium, dark. */
  tone: number
  hit: boolean
  falseFaces: number
  cpuMs: number
}

async function main(count: number): Promise<number> {
  const networks = await FaceNetworks.open(faceModels, { provider: 'cpu', threads: 1 })
  const seen = faceMethods.map((): Seen[] => [])
  for (const scenario of scenarios) {
    for await (const scene of faceScenes(scenario, count))
      for (const [i, method] of faceMethods.entries()) seen[i]!.push(await look(networks, method, scene))
    process.stderr.write(`${scenario.name}: done\n`)
  }
  const photos = await Promise.all(faceMethods.map((method) => photographs(networks, method)))
  process.stdout.write(`${count} scenes for each column, one thread\n\n${bySize(seen, photos)}\n\n${byTone(seen)}\n`)
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
    scenario: scene.scenario,
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
  const head = ['method', ...withFace.map(({ name }) => name), 'photographs', 'false faces', 'CPU ms a frame']
  const rows = faceMethods.map(({ name }, i) => {
    const seen = all[i]!
    const { found, faces, falseFaces } = photos[i]!
    return [
      name,
      ...withFace.map((scenario) => percent(seen.filter((one) => one.scenario === scenario))),
      faces === 0 ? '' : `${found} of ${faces}`,
      falseFaces + sum(seen.map((one) => one.falseFaces)),
      ms(sum(seen.map(({ cpuMs }) => cpuMs)) / seen.length)
    ]
  })
  return table(head, rows)
}

/** Found, in percent: light / medium / dark. */
function byTone(all: readonly Seen[][]): string {
  const rows = faceMethods.map(({ name }, i) => [
    name,
    ...withFace.map((scenario) => {
      const seen = all[i]!.filter((one) => one.scenario === scenario)
      return tones.map((_, tone) => percent(seen.filter((one) => one.tone === tone))).join(' / ')
    })
  ])
  return table([tones.join(' / '), ...withFace.map(({ name }) => name)], rows)
}

main(Number(process.argv[2] ?? 60)).then(
  (code) => process.exit(code),
  (error: unknown) => process.exit(report(error))
)
