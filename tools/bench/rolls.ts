/** `npm run bench -- rolls`: which faces are found at which roll, and whether the crop stands upright. */
import type { Point, Size } from '#painlens/core/types.js'
import { defaultMinScore } from '#painlens/lib/face/boxes.js'
import { FaceNetworks } from '#painlens/lib/face/networks.js'
import { type FoundFace, searchFaces } from '#painlens/lib/face/search.js'
import { inTurn, type Pixels, type Similarity, sample, toFrame, turned } from '#painlens/lib/face/similarity.js'
import { allSweeps } from '#painlens/lib/face/sweeps.js'
import { facePhotos, photoEyes, photoFaces } from './face-pictures.js'
import { faceModels } from './models.js'
import { renderedRolls } from './rolls-rendered.js'
import { table } from './table.js'

const frame = { width: 1280, height: 720 }
const faceWidth = 140

/** A real face in the middle of a frame, turned, with its eyes' true places. */
export interface TurnedFace extends Size {
  data: Uint8Array<ArrayBuffer>
  /** The middle of the box in the photograph. */
  centre: Point
  /** The right one, which is on the picture's left, and the left one; null in profile. */
  eyes: [Point, Point] | null
  /** The face's own, in degrees clockwise: how it was held, and by how much it was turned. */
  roll: number
}

/** Where to put face and how to turn it. */
export interface Setting {
  roll: number
  width?: number
  at?: Point
  size?: Size
}

/** A face of a photograph as a camera sees it that is rolled. */
export function turnFace(photo: Pixels, face: number, name: string, setting: Setting): TurnedFace {
  const { roll, width = faceWidth, size = frame } = setting
  const at = setting.at ?? { x: size.width / 2, y: size.height / 2 }
  const [x, y, w, h] = photoFaces[name]![face]!
  const way = around({ x: x + w / 2, y: y + h / 2 }, w / width, roll, at)
  const known = photoEyes[name]![face]
  const eyes = known ? eyesAt(way, known) : null
  return { ...size, data: sample(photo, way, size), centre: at, eyes, roll: eyes ? rollOf(eyes) : roll }
}

function eyesAt(way: Similarity, [rx, ry, lx, ly]: readonly [number, number, number, number]): [Point, Point] {
  return [backTo(way, { x: rx, y: ry }), backTo(way, { x: lx, y: ly })]
}

/** The frame's pixel `at` shows the photograph's `centre`, everything turned clockwise by `roll` about it. */
function around(centre: Point, scale: number, roll: number, at: Point): Similarity {
  const [a, b] = turned(scale, 0, -roll)
  return { a, b, tx: centre.x - (a * at.x - b * at.y), ty: centre.y - (b * at.x + a * at.y) }
}

function backTo({ a, b, tx, ty }: Similarity, { x, y }: Point): Point {
  const length = a * a + b * b
  return toFrame({ a: a / length, b: -b / length, tx: 0, ty: 0 }, { x: x - tx, y: y - ty })
}

const rollOf = ([right, left]: readonly [Point, Point]): number =>
  (Math.atan2(left.y - right.y, left.x - right.x) * 180) / Math.PI

/** What became of a face. */
export interface Outcome {
  found: boolean
  upright: boolean
  eyes: boolean
  usable: boolean
  /** Faces where none is. */
  others: number
}

export function judge({ centre, eyes, roll }: TurnedFace, faces: readonly FoundFace[], width = faceWidth): Outcome {
  const near = ({ place }: FoundFace): boolean =>
    Math.hypot(place.centre.x - centre.x, place.centre.y - centre.y) < 0.5 * width
  const face = faces.find(near)
  if (!face) return { found: false, upright: false, eyes: false, usable: false, others: faces.length }
  return {
    found: true,
    upright: Math.abs(inTurn(face.roll - roll)) <= 15,
    eyes: eyes !== null && areAt(eyes, face.landmarks),
    usable: face.whyNot === null,
    others: faces.filter((other) => !near(other)).length
  }
}

function areAt(eyes: readonly [Point, Point], landmarks: Float32Array): boolean {
  const most = 0.1 * Math.hypot(eyes[1].x - eyes[0].x, eyes[1].y - eyes[0].y)
  return eyes.every((eye, i) => {
    const { x, y } = eyeOf(landmarks, i === 0 ? 36 : 42)
    return Math.hypot(eye.x - x, eye.y - y) <= most
  })
}

function eyeOf(landmarks: Float32Array, first: number): Point {
  let [x, y] = [0, 0]
  for (let i = first; i < first + 6; i++) {
    x += landmarks[2 * i]! / 6
    y += landmarks[2 * i + 1]! / 6
  }
  return { x, y }
}

/** @param step in degrees */
export async function rollsTable(step = 15): Promise<string> {
  const networks = await FaceNetworks.open(faceModels, { provider: 'cpu', threads: 1 })
  const photos = []
  for await (const photo of facePhotos()) photos.push(photo)
  const options = { minScore: defaultMinScore, around: [], sweeps: allSweeps }
  const rows: (string | number)[][] = []
  for (let roll = 0; roll < 360; roll += step) {
    const outcomes: Outcome[] = []
    const before = process.cpuUsage()
    for (const [i, name] of Object.keys(photoFaces).entries())
      for (const face of photoFaces[name]!.keys()) {
        const scene = turnFace(photos[i]!, face, name, { roll })
        outcomes.push(judge(scene, await searchFaces(networks, scene, options)))
      }
    const { user, system } = process.cpuUsage(before)
    const count = (key: 'found' | 'upright' | 'eyes' | 'usable'): number => outcomes.filter((one) => one[key]).length
    const judged = outcomes.filter(({ usable, upright }) => usable && !upright).length
    rows.push([`${roll}°`, count('found'), count('upright'), count('eyes'), count('usable'), judged])
    process.stderr.write(`${rows.at(-1)!.join(' ')} ${Math.round((user + system) / 1000 / outcomes.length)} ms\n`)
  }
  const rendered = await renderedRolls(networks, [0, 45, 90, 135, 180, 225, 270, 315], 20)
  await networks.close()
  const real = table(
    ['roll', 'found', 'crop upright', 'both eyes within 10 %', 'usable', 'usable and not upright'],
    rows
  )
  return `${real}\n\n${rendered}`
}
