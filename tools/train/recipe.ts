import { createRandom, type Random } from '#painlens/lib/random.js'
import {
  type ActionUnits,
  createIdentity,
  type Expression,
  expressionUnits,
  type Identity,
  type Light,
  type Pose,
  randomLight,
  randomPose,
  type UnitName
} from '#painlens/show/render/index.js'

/** In the order of the model's outputs, the paper's order. */
export const labels = ['pain', 'disgust', 'happiness'] as const

/** From this intensity on a face is to be called by its expression; below, the less the fainter it is. */
export const certainFrom = 0.4

/**
 * The identities of each split are disjoint, and each of their pictures has an intensity within its range. Pre-training tells the people of
 * `train` apart; those of `study` and `nights` are in the demonstration's videos; `test` is only ever reported; `validation` and `elders` belong to the
 * benches, `fresh` to the project's tests.
 */
export const splits = {
  train: { firstIdentity: 100_000, samples: 16, intensity: [0.05, 1] },
  validation: { firstIdentity: 200_000, samples: 8, intensity: [0.1, 1] },
  test: { firstIdentity: 300_000, samples: 12, intensity: [0.1, 1] },
  fresh: { firstIdentity: 400_000, samples: 4, intensity: [0.4, 1] },
  study: { firstIdentity: 500_000, samples: 8, intensity: [0.2, 1] },
  nights: { firstIdentity: 600_000, samples: 1, intensity: [0.7, 1] },
  elders: { firstIdentity: 700_000, samples: 1, intensity: [0.4, 1] }
} as const satisfies Record<string, { firstIdentity: number; samples: number; intensity: [number, number] }>
export type Split = keyof typeof splits

/** Everything that makes one picture, before it is rendered. */
export interface SamplePlan {
  identity: Identity
  expression: Expression
  /** 0 for a resting face, else how strong the expression is, 0..1. */
  intensity: number
  /** What a resting face does meanwhile; null for the other expressions. */
  resting: string | null
  units: ActionUnits
  pose: Pose
  light: Light
  /** Width of the face in pixels of the frame. */
  faceSize: number
  noise: number
  blur: number
  /** JPEG quality 1..100 that stands for the camera's own compression; null for none. */
  compression: number | null
  seed: number
}

/** A face without expression moves all the same: each of these is to leave the model undecided. Ranges of units. */
const restingFaces: readonly { name: string; weight: number; units: Partial<Record<UnitName, [number, number]>> }[] = [
  { name: 'awake', weight: 0.3, units: {} },
  { name: 'asleep', weight: 0.25, units: { AU43: [0.8, 1] } },
  { name: 'asleep, mouth open', weight: 0.1, units: { AU43: [0.8, 1], AU25: [0.2, 0.5], AU26: [0.2, 0.6] } },
  { name: 'blinking', weight: 0.08, units: { AU45: [0.3, 1] } },
  { name: 'talking', weight: 0.15, units: { AU25: [0.2, 0.7], AU26: [0, 0.5] } },
  { name: 'yawning', weight: 0.05, units: { AU25: [0.5, 0.9], AU27: [0.4, 0.9], AU43: [0, 0.8] } },
  { name: 'brows raised', weight: 0.07, units: { AU1: [0.3, 0.9], AU2: [0.3, 0.9], AU5: [0, 0.5] } }
]

/**
 * The plan of one sample. What the face shows is drawn from another source than all that surrounds it (pose, light, size,
 * noise), so that nothing but the face can give the label away.
 */
export function planSample(split: Split, identity: number, sample: number): SamplePlan {
  const seed = splits[split].firstIdentity + identity
  const surroundings = createRandom(seed * 64 + sample)
  const face = createRandom(seed * 64 + sample + 0x40000000)
  const { expression, intensity } = drawExpression(split, sample, face)
  const units = expressionUnits(expression, intensity, face)
  const resting = expression === 'neutral' ? moveRestingFace(units, face) : null
  return {
    identity: createIdentity(seed),
    expression,
    intensity,
    resting,
    units,
    pose: randomPose(surroundings, 1.1),
    light: randomLight(surroundings),
    faceSize: 50 * 4 ** surroundings(),
    noise: surroundings.uniform(0, 7),
    blur: surroundings.chance(0.5) ? surroundings.uniform(0.3, 1.2) : 0,
    compression: surroundings.chance(0.5) ? Math.round(surroundings.uniform(40, 95)) : null,
    seed: seed * 64 + sample
  }
}

const cycle: readonly Expression[] = ['pain', 'disgust', 'happiness', 'neutral']

function drawExpression(split: Split, sample: number, random: Random): { expression: Expression; intensity: number } {
  const expression = cycle[sample % cycle.length]!
  const [faintest, strongest] = splits[split].intensity
  return { expression, intensity: expression === 'neutral' ? 0 : random.uniform(faintest, strongest) }
}

function moveRestingFace(units: ActionUnits, random: Random): string {
  const drawn = random()
  let below = 0
  const kind =
    restingFaces.find(({ weight }) => {
      below += weight
      return drawn < below
    }) ?? restingFaces[0]!
  for (const [unit, [low, high]] of Object.entries(kind.units) as [UnitName, [number, number]][])
    units[unit] = Math.max(units[unit] ?? 0, random.uniform(low, high))
  return kind.name
}
