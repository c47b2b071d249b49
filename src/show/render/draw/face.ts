import { type Pose, Projection, pivot } from '../geometry.js'
import type { Light } from '../light.js'
import { short } from '../numbers.js'
import type { FaceShape } from '../shape/index.js'
import { drawCannula, drawGlasses } from './accessories.js'
import { drawBeard } from './beard.js'
import { drawBrows } from './brows.js'
import { drawFurrows, drawHoods } from './elder.js'
import { drawEyes } from './eyes.js'
import { drawHair, drawHairBehind } from './hair.js'
import { drawEars, drawForms, drawHead, headPath } from './head.js'
import { drawMouth } from './mouth.js'
import { drawNose } from './nose.js'
import { createPalette } from './palette.js'
import { Pen } from './pen.js'
import { drawWrinkles } from './wrinkles.js'

export interface FaceDrawing {
  /** SVG: definitions, and the head in face units, already rolled. */
  defs: string
  body: string
  projection: Projection
}

/** The whole head, from what lies behind it to glasses and cannula. */
export function drawFace(shape: FaceShape, pose: Pose, light: Light): FaceDrawing {
  const projection = new Projection(pose)
  const pen = new Pen(projection, createPalette(shape.identity), light)
  const head = headPath(pen, shape)
  drawHairBehind(pen, shape)
  drawEars(pen, shape)
  drawHead(pen, head)
  pen.clipped('head', head, () => {
    drawForms(pen, shape)
    drawBeard(pen, shape)
    drawNose(pen, shape)
    drawWrinkles(pen, shape)
    drawFurrows(pen, shape)
    drawMouth(pen, shape)
    drawEyes(pen, shape)
    drawHoods(pen, shape)
    drawBrows(pen, shape)
  })
  drawHair(pen, shape, head)
  drawGlasses(pen, shape)
  drawCannula(pen, shape)
  const body = `<g transform="rotate(${short(pose.roll)} ${pivot[0]} ${pivot[1]})">${pen.body}</g>`
  return { defs: pen.defs, body, projection }
}
