import type { Random } from '../../lib/random.js'
import { clamp, lerp } from './numbers.js'

/** The action units of the Facial Action Coding System (Ekman, Friesen and Hager 2002) that the drawn face can do. */
export const unitNames = [
  'AU1', // inner brow raiser
  'AU2', // outer brow raiser
  'AU4', // brow lowerer
  'AU5', // upper lid raiser
  'AU6', // cheek raiser
  'AU7', // lid tightener
  'AU9', // nose wrinkler
  'AU10', // upper lip raiser
  'AU12', // lip corner puller
  'AU15', // lip corner depressor
  'AU16', // lower lip depressor
  'AU17', // chin raiser
  'AU20', // lip stretcher
  'AU25', // lips part
  'AU26', // jaw drop
  'AU27', // mouth stretch
  'AU43', // eyes closed
  'AU45' // blink
] as const
export type UnitName = (typeof unitNames)[number]

/** How strong each unit is, 0..1; one that is missing is at rest. */
export type ActionUnits = Partial<Record<UnitName, number>>

/** What a face may show; neutral is the resting face. */
export const expressions = ['neutral', 'pain', 'disgust', 'happiness'] as const
export type Expression = (typeof expressions)[number]

/** A unit's strength at full intensity: mean and deviation, and how likely it takes part at all (1 unless given). */
type Part = readonly [unit: UnitName, mean: number, deviation: number, chance?: number]
/** One of these is taken, by weight; each with all its parts. */
type Choice = readonly { weight: number; parts: readonly Part[] }[]

const always = (...parts: Part[]): Choice => [{ weight: 1, parts }]

/**
 * Pain after Prkachin and Solomon (2008): brow lowering, orbit tightening, levator contraction, eye closure. Happiness
 * and disgust are the FACS prototypes. What differs from face to face is drawn, as real faces differ too.
 */
const recipes: Record<Expression, readonly Choice[]> = {
  neutral: [],
  pain: [
    always(['AU4', 0.88, 0.12], ['AU6', 0.65, 0.18], ['AU7', 0.82, 0.13]),
    [
      {
        weight: 0.5,
        parts: [
          ['AU9', 0.45, 0.13],
          ['AU10', 0.5, 0.14, 0.4]
        ]
      },
      {
        weight: 0.5,
        parts: [
          ['AU10', 0.62, 0.14],
          ['AU9', 0.3, 0.12, 0.3]
        ]
      }
    ],
    [
      { weight: 0.78, parts: [['AU43', 1.05, 0.18]] },
      { weight: 0.22, parts: [['AU43', 0.3, 0.12]] }
    ],
    always(['AU20', 0.6, 0.15, 0.45], ['AU12', 0.25, 0.1, 0.15]),
    [
      { weight: 0.28, parts: [] },
      { weight: 0.35, parts: [['AU25', 0.62, 0.15]] },
      {
        weight: 0.25,
        parts: [
          ['AU25', 0.8, 0.14],
          ['AU26', 0.6, 0.15]
        ]
      },
      {
        weight: 0.12,
        parts: [
          ['AU25', 0.8, 0.14],
          ['AU27', 0.6, 0.15]
        ]
      }
    ]
  ],
  disgust: [
    always(['AU9', 0.85, 0.13], ['AU10', 0.72, 0.17], ['AU4', 0.4, 0.15, 0.45]),
    always(['AU7', 0.35, 0.14, 0.35], ['AU6', 0.3, 0.12, 0.15], ['AU43', 0.3, 0.12, 0.1]),
    [
      {
        weight: 0.45,
        parts: [
          ['AU15', 0.62, 0.15],
          ['AU17', 0.68, 0.15]
        ]
      },
      { weight: 0.25, parts: [['AU17', 0.72, 0.15]] },
      {
        weight: 0.15,
        parts: [
          ['AU15', 0.65, 0.15],
          ['AU25', 0.4, 0.14, 0.5]
        ]
      },
      {
        weight: 0.15,
        parts: [
          ['AU16', 0.55, 0.15],
          ['AU15', 0.45, 0.15],
          ['AU25', 0.5, 0.14]
        ]
      }
    ]
  ],
  happiness: [
    always(['AU12', 0.88, 0.12], ['AU6', 0.65, 0.2], ['AU7', 0.3, 0.12, 0.2], ['AU10', 0.18, 0.1, 0.1]),
    [
      {
        weight: 0.65,
        parts: [
          ['AU25', 0.66, 0.15],
          ['AU26', 0.5, 0.15, 0.35]
        ]
      },
      { weight: 0.35, parts: [] }
    ],
    [
      { weight: 0.85, parts: [] },
      {
        weight: 0.15,
        parts: [
          ['AU1', 0.3, 0.12],
          ['AU2', 0.3, 0.12]
        ]
      }
    ]
  ]
}

/** Units that are never quite at rest, in any expression. */
const restless: readonly UnitName[] = ['AU1', 'AU2', 'AU4', 'AU6', 'AU7', 'AU12', 'AU15', 'AU17', 'AU25']

/**
 * The units of one face that shows `expression` at `intensity` (0..1). Every unit grows in proportion to the intensity, so
 * that at 0 nothing but the resting face is left, which is drawn first and alike for all expressions: what a classifier
 * could learn from the draws alone would be the label's leak into the picture.
 */
export function expressionUnits(expression: Expression, intensity: number, random: Random): ActionUnits {
  const units: ActionUnits = {}
  for (const name of restless) units[name] = Math.abs(random.normal(0, 0.05))
  const drowsy = random.chance(0.12) ? random.uniform(0.6, 1) : 0
  const strength = expression === 'neutral' ? 0 : clamp(intensity)
  units.AU43 = drowsy * (1 - strength)
  for (const choice of recipes[expression]) {
    for (const [name, mean, deviation, chance = 1] of choose(choice, random)) {
      const full = clamp(random.normal(mean, deviation), 0, 1.15)
      if (random.chance(chance)) units[name] = clamp((units[name] ?? 0) + strength * full)
    }
  }
  return units
}

function choose(choice: Choice, random: Random): readonly Part[] {
  let left = random() * choice.reduce((sum, { weight }) => sum + weight, 0)
  for (const { weight, parts } of choice) {
    left -= weight
    if (left < 0) return parts
  }
  return []
}

/** Every unit on the straight way between two faces; `t` is 0..1. */
export function blendUnits(from: ActionUnits, to: ActionUnits, t: number): ActionUnits {
  const units: ActionUnits = {}
  for (const name of unitNames) {
    const strength = lerp(from[name] ?? 0, to[name] ?? 0, clamp(t))
    if (strength > 0) units[name] = strength
  }
  return units
}
