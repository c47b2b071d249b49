/** Rendered faces, of which it is known what moves. */
import type { Crop, Size } from '../../core/types.js'
import { type Alignment, alignFace, pointsInCrop } from '../../lib/face/align.js'
import { createRandom } from '../../lib/random.js'
import {
  type ActionUnits,
  createIdentity,
  type Expression,
  expressions,
  expressionUnits,
  randomPose,
  renderPortrait,
  type UnitName,
  unitNames
} from '../../show/render/index.js'
import { fillPolygon } from '../../stages/explain/regions.js'

export interface CropForm {
  size: Size
  alignment: Alignment
}

/** A rendered face, cut as the data are. */
export interface DrawnFace {
  crop: Crop
  /** 1 for each pixel of the crop that a unit moved. */
  movedBy(unit: UnitName): Uint8Array
}

/** A blink is closed eyes. */
const switchedUnits: readonly UnitName[] = unitNames.filter((unit) => unit !== 'AU45')

/** Pain as Prkachin and Solomon (2008) describe it, each unit by its mean strength. */
const painUnits: ActionUnits = { AU4: 0.9, AU6: 0.65, AU7: 0.8, AU9: 0.45, AU10: 0.55, AU43: 1 }

/** One unit on and off, the rest of the face the same. */
export interface Switch {
  unit: UnitName
  /** What the face shows otherwise. */
  base: 'resting' | 'pain'
  off: ActionUnits
  on: ActionUnits
}

/** Each unit on a face at rest, and each unit of pain in a face that shows pain. */
export const switches: readonly Switch[] = [
  ...switchedUnits.map((unit): Switch => ({ unit, base: 'resting', off: {}, on: { [unit]: 1 } })),
  ...(Object.keys(painUnits) as UnitName[]).map((unit): Switch => {
    const { [unit]: _, ...off } = painUnits
    return { unit, base: 'pain', off, on: painUnits }
  })
]

/** Identities from here on are drawn nowhere else, so that no model was trained on them. */
const firstIdentity = 40_000

/** A person of the report by number, with these units, seen from the front. */
export function drawnFace(person: number, units: ActionUnits, form: CropForm): Promise<DrawnFace> {
  return drawn(firstIdentity + person, units, form)
}

/** Labels of which no face can be drawn: of a study with its own labels these are all or some. */
export const labelsNotDrawn = (labels: readonly string[]): string[] =>
  labels.filter((label) => !expressions.some((one) => one === label))

/** A face for people to judge. */
export interface ExpressionFace extends DrawnFace {
  expression: Expression
}

/** Faces of each of these labels that can be drawn, each of another person, held as in bed. */
export async function shownFaces(
  labels: readonly string[],
  each: number,
  seed: number,
  form: CropForm
): Promise<ExpressionFace[]> {
  const faces: ExpressionFace[] = []
  for (const [i, expression] of expressions.filter((one) => labels.includes(one)).entries())
    for (let n = 0; n < each; n++) {
      const person = 1000 + 100 * i + n
      const random = createRandom(seed * 7919 + person)
      const units = expressionUnits(expression, random.uniform(0.55, 1), random)
      faces.push({ expression, ...(await drawn(firstIdentity + person, units, form, randomPose(random, 0.4))) })
    }
  return faces
}

async function drawn(
  identity: number,
  units: ActionUnits,
  { size, alignment }: CropForm,
  pose?: ReturnType<typeof randomPose>
): Promise<DrawnFace> {
  const rendered = await renderPortrait({
    identity: createIdentity(identity),
    units,
    faceSize: faceSizeFor(size, alignment),
    noise: 1,
    ...(pose && { pose })
  })
  const crop = alignFace(rendered, rendered.landmarks, size, alignment)
  return {
    crop,
    movedBy: (unit) => {
      const mask = new Uint8Array(size.width * size.height)
      for (const { unit: own, polygon } of rendered.moved)
        if (own === unit) fillPolygon(mask, size, pointsInCrop(polygon, rendered.landmarks, size, alignment), 1)
      return mask
    }
  }
}

/** Eyes lie about 0.45 of a face's width apart; a little larger than the crop needs it. */
const faceSizeFor = ({ width }: Size, { eyeDistance }: Alignment): number =>
  Math.max(80, Math.round((1.3 * eyeDistance * width) / 0.45))
