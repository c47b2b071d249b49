/** Whether the landmark network's points tell closed eyes and open mouths, which the renderer knows exactly. */
import { table } from '../table.js'
import type { KnownFace } from './faces.js'
import { quantile } from './statistics.js'

const distance = (points: Float32Array, a: number, b: number): number =>
  Math.hypot(points[2 * a]! - points[2 * b]!, points[2 * a + 1]! - points[2 * b + 1]!)

/** The eye aspect ratio (Soukupova and Cech 2016), height over width; of the more open eye. */
export function eyeAspectRatio(points: Float32Array): number {
  const of = (first: number): number =>
    (distance(points, first + 1, first + 5) + distance(points, first + 2, first + 4)) /
    (2 * distance(points, first, first + 3))
  return Math.max(of(36), of(42))
}

/** The same of the inner lips: mean height of the opening over its width. */
export function mouthAspectRatio(points: Float32Array): number {
  const heights = distance(points, 61, 67) + distance(points, 62, 66) + distance(points, 63, 65)
  return heights / (3 * distance(points, 60, 64))
}

type Face = Pick<KnownFace, 'plan' | 'found' | 'drawn'>

const closure = ({ plan: { units } }: Face): number => Math.max(units.AU43 ?? 0, units.AU45 ?? 0)
const gap = ({ drawn }: Face): number => mouthAspectRatio(drawn)

interface Sign {
  name: string
  measure: (face: Face) => number
  /** 1: there from a threshold up; -1: from a threshold down. */
  direction: 1 | -1
  isTrue: (face: Face) => boolean
}

/** "True" leaves no doubt to the eye: lids at least four fifths closed, lips apart by a twentieth of the mouth's width. */
const signs: readonly Sign[] = [
  {
    name: 'eyes closed (AU43 or AU45 from 0.8)',
    measure: ({ found }) => eyeAspectRatio(found),
    direction: -1,
    isTrue: (face) => closure(face) >= 0.8
  },
  {
    name: 'mouth open (drawn gap from 0.05 of its width)',
    measure: ({ found }) => mouthAspectRatio(found),
    direction: 1,
    isTrue: (face) => gap(face) >= 0.05
  }
]

/** What a threshold says of the faces: how often it is right when it speaks, and how many it finds. */
function at(sign: Sign, faces: readonly Face[], threshold: number): { right: number; said: number; found: number } {
  const told = faces.filter((face) => sign.direction * (sign.measure(face) - threshold) >= 0)
  const right = told.filter(sign.isTrue).length
  return { right: right / told.length, said: told.length, found: right / faces.filter(sign.isTrue).length }
}

const wantedPrecision = 0.95
const leastSaid = 20

/** Of the thresholds that are right often enough where they are chosen, the one that finds most; else the one most often right. */
function chosen(sign: Sign, faces: readonly Face[]): number {
  const thresholds = faces.map(sign.measure)
  const results = thresholds.map((threshold) => ({ threshold, ...at(sign, faces, threshold) }))
  const enough = results.filter(({ said }) => said >= leastSaid)
  const good = enough.filter(({ right }) => right >= wantedPrecision).sort((a, b) => b.found - a.found)
  const best = enough.sort((a, b) => b.right - a.right)
  return (good[0] ?? best[0])!.threshold
}

/** Thresholds are chosen on some people and tried on others. */
export function openingsTable(validation: readonly Face[], test: readonly Face[]): string {
  const rows = signs.map((sign) => {
    const threshold = chosen(sign, validation)
    const { right, said, found } = at(sign, test, threshold)
    const middle = (is: boolean): string =>
      quantile(test.filter((face) => sign.isTrue(face) === is).map(sign.measure), 0.5).toFixed(3)
    const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
    return [
      sign.name,
      `${middle(true)} / ${middle(false)}`,
      `${sign.direction > 0 ? 'from' : 'to'} ${threshold.toFixed(3)}`,
      percent(test.filter(sign.isTrue).length / test.length),
      `${percent(right)} of ${said}`,
      percent(found)
    ]
  })
  const head = ['sign', 'median ratio where true / not', 'threshold', 'true of', 'right when it speaks', 'finds']
  return table(head, rows)
}
