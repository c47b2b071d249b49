import { createRandom, type Random } from '../../lib/random.js'
import { agedBy, type Elder } from './elder.js'
import { clamp, mix, type Rgb, ramp } from './numbers.js'

export type HairStyle = 'short' | 'long' | 'bob' | 'bun' | 'curly' | 'buzz' | 'receding' | 'bald'
export type BeardStyle = 'none' | 'stubble' | 'full' | 'goatee' | 'moustache'

/**
 * Who is drawn: everything that stays the same from frame to frame. Lengths are in face units (the face is about 200
 * wide and lies around the origin, x to the right, y down); the rest is 0..1 unless said otherwise.
 */
export interface Identity {
  seed: number
  female: boolean
  /** 0 a young adult, 1 very old. */
  age: number
  /** 0 the lightest skin, 1 the darkest. */
  tone: number
  skin: Rgb
  hair: Rgb
  brow: Rgb
  iris: Rgb
  hairStyle: HairStyle
  hairVolume: number
  hairline: number
  /** Where the hair is parted, x. */
  parting: number
  beard: BeardStyle
  glasses: 'none' | 'thin' | 'thick'
  glassesColour: Rgb
  /** An oxygen cannula under the nose. */
  cannula: boolean
  gown: Rgb
  /** Factors around 1. */
  faceWidth: number
  jaw: number
  chinWidth: number
  foreheadWidth: number
  /** y of chin and crown. */
  chin: number
  crown: number
  /** x (of the right half), y, half width and height of an eye, tilt of its axis, height of the lid's fold over it. */
  eyeX: number
  eyeY: number
  eyeWidth: number
  eyeHeight: number
  eyeTilt: number
  lidFold: number
  eyeBags: number
  browY: number
  browThickness: number
  browArch: number
  browGap: number
  browDensity: number
  noseY: number
  noseWidth: number
  bridge: number
  mouthY: number
  mouthWidth: number
  upperLip: number
  lowerLip: number
  lipRed: number
  /** Half the difference in height between the two eyes and the two brows. */
  eyeSkew: number
  browSkew: number
  /** The marks of a long life; only elders have them. */
  elder?: Elder
}

/** From light to dark, after the photographs of the Monk skin tone scale under indoor light. */
const skinTones: readonly Rgb[] = [
  [246, 218, 200],
  [235, 196, 170],
  [224, 177, 146],
  [206, 154, 120],
  [180, 127, 94],
  [148, 101, 74],
  [119, 80, 61],
  [98, 67, 53]
]

const hairColours: readonly Rgb[] = [
  [40, 28, 20],
  [70, 46, 28],
  [112, 78, 44],
  [168, 132, 84],
  [120, 58, 30]
]
const darkHairColours: readonly Rgb[] = [
  [28, 22, 20],
  [38, 30, 26]
]
const irisColours: readonly Rgb[] = [
  [70, 46, 28],
  [94, 116, 130],
  [96, 104, 70],
  [60, 38, 24],
  [110, 130, 150]
]
const darkIrisColours: readonly Rgb[] = [
  [60, 38, 24],
  [48, 30, 20]
]
const gowns: readonly Rgb[] = [
  [170, 196, 210],
  [196, 206, 200],
  [180, 180, 206],
  [214, 206, 190],
  [120, 150, 170]
]
const frames: readonly Rgb[] = [
  [30, 30, 32],
  [60, 40, 30],
  [120, 120, 124]
]
const femaleStyles: readonly HairStyle[] = ['long', 'bob', 'bun', 'short', 'short', 'curly']
const maleStyles: readonly HairStyle[] = ['short', 'short', 'receding', 'bald', 'curly', 'buzz']
const beards: readonly BeardStyle[] = ['none', 'none', 'none', 'stubble', 'stubble', 'full', 'goatee', 'moustache']

type Overrides = Partial<Identity>

/** A person for any integer seed. What `overrides` names is taken as it is, and what depends on it follows (skin on tone, …). */
export function createIdentity(seed: number, overrides: Overrides = {}): Identity {
  const random = createRandom(seed * 2 + 101)
  const drawnTone = random()
  const drawnAge = random()
  const drawnSex = random.chance(0.5)
  const base = {
    tone: overrides.tone ?? drawnTone,
    age: overrides.age ?? drawnAge,
    female: overrides.female ?? drawnSex
  }
  return {
    seed,
    ...base,
    ...colours(random, base),
    ...proportions(random, base),
    ...styles(random, base),
    ...overrides
  }
}

/** An old person for any integer seed, whose face has the marks of a long life at rest. */
export const createElder = (seed: number): Identity => createIdentity(seed, agedBy(seed))

type Base = Pick<Identity, 'tone' | 'age' | 'female'>

function colours(random: Random, { tone, age }: Base) {
  const dark = tone > 0.5
  const pigment = random.pick(dark ? darkHairColours : hairColours)
  const grey = clamp((age - 0.5) * 2 + random.normal(0, 0.2))
  return {
    skin: ramp(skinTones, tone),
    hair: mix(pigment, [200, 198, 194], grey * 0.85),
    brow: mix(pigment, [150, 146, 140], grey * 0.6 * (1 - 0.5 * tone)),
    iris: random.pick(dark ? darkIrisColours : irisColours),
    gown: random.pick(gowns),
    glassesColour: random.pick(frames)
  }
}

function proportions(random: Random, { tone, age, female }: Base) {
  return {
    faceWidth: random.normal(1, 0.045),
    jaw: random.normal(female ? 0.8 : 0.87, 0.05),
    chinWidth: random.normal(female ? 0.36 : 0.44, 0.06),
    foreheadWidth: random.normal(0.9, 0.03),
    chin: random.normal(134, 5),
    crown: -random.normal(138, 4),
    eyeX: random.normal(45, 2),
    eyeY: random.normal(-8, 2),
    eyeWidth: random.normal(21.5, 1.3),
    eyeHeight: random.normal(13.4, 1.4),
    eyeTilt: random.normal(1.8, 1.5),
    lidFold: random.uniform(4, 9),
    eyeBags: clamp(random.normal(age * 0.8, 0.2)),
    browY: random.normal(-34, 2.5),
    browThickness: random.normal(female ? 6.4 : 8.6, 1.2),
    browArch: random.normal(female ? 6 : 4, 1.8),
    browGap: random.normal(18, 2.3),
    browDensity: clamp(random.uniform(0.5, 0.9) + 0.12 * tone),
    noseY: random.normal(50, 3.3),
    noseWidth: random.normal(25 + 5 * tone, 2.3),
    bridge: random.normal(9.5, 1.4),
    mouthY: random.normal(84, 3),
    mouthWidth: random.normal(36, 2.7),
    upperLip: Math.max(3.2, random.normal(6.4 + 3 * tone - 1.4 * age, 1.2)),
    lowerLip: Math.max(5, random.normal(9.4 + 3 * tone - 1.4 * age, 1.4)),
    lipRed: random.uniform(0.15, female ? 0.75 : 0.4),
    eyeSkew: random.normal(0, 0.4),
    browSkew: random.normal(0, 0.6)
  }
}

function styles(random: Random, { female }: Base) {
  const beard = random.pick(beards)
  const glasses = random.chance(0.2)
  const frame = random.pick(['thin', 'thick'] as const)
  return {
    hairStyle: random.pick(female ? femaleStyles : maleStyles),
    hairVolume: random.uniform(6, 18),
    hairline: -random.uniform(84, 98),
    parting: random.uniform(-40, 40),
    beard: female ? ('none' as const) : beard,
    glasses: glasses ? frame : ('none' as const),
    cannula: random.chance(0.1)
  }
}
