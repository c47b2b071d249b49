import { ControlError } from '../../core/errors.js'
import type { Box, Polygon, Size } from '../../core/types.js'
import type { GivenFrame } from '../../daemon/control/client.js'
import type { FrameHead } from '../../daemon/control/protocol.js'
import { Lettering, type TextStyle } from '../../lib/lettering/index.js'
import { loadSharp } from '../../lib/picture/sharp.js'
import { faceLabel, type ShownFace, shortened } from './describe.js'

/** Small pictures are enlarged, each pixel to a square, to about this length: labels are legible, and pixels can be counted. */
const wantedLength = 1280
const mostScale = 6
const textShare = 1 / 64
const mostLines = 14

/** Colours that differ in brightness, too; on a black rim, so that they show on any picture. */
const colours = {
  zone: '#00d5ff',
  mask: '#9a9a9a',
  usable: '#3dff6e',
  unusable: '#ffb000',
  strip: '#1c1c1c',
  text: '#f2f2f2'
}

/** How the parts of the page are placed: pixels of the picture are `scale` pixels of the page. */
interface Page extends Size {
  picture: Box
  scale: number
  /** The height of the picture on the page; the caption is below. */
  pictureHeight: number
  textSize: number
  lettering: Lettering
  /** The caption below its title, wrapped. */
  lines: readonly string[]
  /** Labels that have their place. */
  taken: Box[]
}

/**
 * A PNG of one frame: the camera's picture in its true shape, without black bars, masks black, zones outlined, a box around
 * each face, and a caption.
 * @param title  the first line of the caption, and what stands at its right end
 * @param lines  the others
 */
export async function drawSnapshot(
  { head, pixels }: GivenFrame,
  title: readonly [left: string, right: string],
  lines: readonly string[]
): Promise<Uint8Array> {
  const page = await layOut(head, lines)
  const { picture, scale, width, height, pictureHeight } = page
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">`,
    // Boxes and zones are clipped at the edge of the picture.
    `<svg width="${width}" height="${pictureHeight}">`,
    ...head.masks.map((polygon) => drawMask(polygon, page)),
    ...head.zones.map(({ polygon }) => outline(pointsOf(polygon, page), colours.zone, page)),
    ...(head.faces ?? []).map((face) => drawFace(face, page)),
    '</svg>',
    // Names come last: nothing is drawn over them. Faces first: theirs matter more.
    ...(head.faces ?? []).map((face, i) => drawFaceLabel(face, i + 1, page)),
    ...head.zones.map(({ name, polygon }, i) => drawZoneName(name, i + 1, polygon, page)),
    ...drawCaption(title, page),
    '</svg>'
  ].join('')
  return loadSharp()(pixels, { raw: { width: head.width, height: head.height, channels: 3 } })
    .extract({ left: picture.x, top: picture.y, width: picture.width, height: picture.height })
    .resize(picture.width * scale, picture.height * scale, { kernel: 'nearest' })
    .extend({ bottom: height - pictureHeight, background: colours.strip })
    .composite([{ input: Buffer.from(svg), left: 0, top: 0 }])
    .removeAlpha()
    .png({ compressionLevel: 6 })
    .toBuffer()
}

async function layOut(head: FrameHead, text: readonly string[]): Promise<Page> {
  const picture = wholeBox(head)
  const scale = Math.min(mostScale, Math.max(1, Math.round(wantedLength / Math.max(picture.width, picture.height))))
  const [width, pictureHeight] = [picture.width * scale, picture.height * scale]
  const textSize = Math.round(Math.max(13, Math.max(width, pictureHeight) * textShare))
  const lettering = await Lettering.load()
  const all = text.flatMap((line) => wrapped(known(line, lettering), width - 2 * textSize, textSize, lettering))
  const lines = all.length > mostLines ? [...all.slice(0, mostLines - 1), '…'] : all
  const height = pictureHeight + Math.round(lineHeight(textSize) * (lines.length + 1.8))
  return { picture, scale, width, height, pictureHeight, textSize, lettering, lines, taken: [] }
}

/** Further lines are indented. */
function wrapped(text: string, width: number, size: number, lettering: Lettering): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`
    if (lines.length === 0 || lettering.width(longer, { size }) <= width) lines.splice(-1, 1, longer)
    else lines.push(`    ${word}`)
  }
  return lines
}

const lineHeight = (textSize: number): number => 1.45 * textSize

function wholeBox({ picture, width, height }: FrameHead): Box {
  const values = [picture.x, picture.y, picture.width, picture.height]
  const isWithin = picture.x >= 0 && picture.y >= 0 && picture.x + picture.width <= width
  if (values.every(Number.isInteger) && isWithin && picture.y + picture.height <= height && picture.width > 0)
    return picture
  throw new ControlError('PL-CONTROL-ANSWER', 'the picture lies outside of its frame', 'the frame')
}

type Place = readonly [x: number, y: number]

function pointsOf(polygon: Polygon, { picture, scale }: Page): Place[] {
  return polygon.map(([x, y]) => [x * picture.width * scale, y * picture.height * scale])
}

function cornersOf({ x, y, width, height }: Box, page: Page): Place[] {
  const corners: Place[] = [
    [x, y],
    [x + width, y],
    [x + width, y + height],
    [x, y + height]
  ]
  return corners.map((corner) => onPage(corner, page))
}

const onPage = ([x, y]: Place, { picture, scale }: Page): Place => [(x - picture.x) * scale, (y - picture.y) * scale]

/** On a black rim. */
function outline(points: readonly Place[], colour: string, { textSize }: Page, dashed = false): string {
  const list = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')
  const line = Math.max(2, textSize / 8)
  const dash = dashed ? ` stroke-dasharray="${3 * line} ${2 * line}"` : ''
  return [
    `<polygon points="${list}" fill="none" stroke="black" stroke-width="${2 * line}" stroke-linejoin="round"/>`,
    `<polygon points="${list}" fill="none" stroke="${colour}" stroke-width="${line}" stroke-linejoin="round"${dash}/>`
  ].join('')
}

/** Its outline tells it from a part of the room that is dark. */
function drawMask(polygon: Polygon, page: Page): string {
  const points = pointsOf(polygon, page)
  const { textSize, lettering } = page
  const style: TextStyle = { size: textSize * 0.8, colour: colours.mask, anchor: 'middle' }
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)]
  const middle = (values: number[]): number => (Math.min(...values) + Math.max(...values)) / 2
  return outline(points, colours.mask, page, true) + lettering.draw('mask', middle(xs), middle(ys), style)
}

const colourOf = ({ why_not }: ShownFace): string => (why_not === null ? colours.usable : colours.unusable)

/** Its box, dashed where it is not usable, and an arrow in it that points to the forehead. */
function drawFace(face: ShownFace, page: Page): string {
  const { box, roll_deg, why_not } = face
  const { scale, picture } = page
  const [x, y] = onPage([box.x + box.width / 2, box.y + box.height / 2], page)
  const turn = (roll_deg * Math.PI) / 180
  const [up, across]: [Place, Place] = [
    [Math.sin(turn), -Math.cos(turn)],
    [Math.cos(turn), Math.sin(turn)]
  ]
  // The radius, in that direction, of the ellipse inscribed in the box.
  const reach = scale / Math.hypot(up[0] / (box.width / 2), up[1] / (box.height / 2))
  const point = (along: number, aside: number): Place => [
    x + reach * (along * up[0] + aside * across[0]),
    y + reach * (along * up[1] + aside * across[1])
  ]
  const arrow = [point(1, 0), point(0.72, 0.12), point(0.8, 0), point(0.72, -0.12)]
  const points = arrow.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(' ')
  const rim = Math.max(1, (picture.width * scale) / 1000)
  return [
    outline(cornersOf(box, page), colourOf(face), page, why_not !== null),
    `<polygon points="${points}" fill="${colourOf(face)}" stroke="black" stroke-width="${rim}"/>`
  ].join('')
}

function drawFaceLabel(face: ShownFace, number: number, page: Page): string {
  const corners = cornersOf(face.box, page)
  const [left, top] = [Math.min(...corners.map(([x]) => x)), Math.min(...corners.map(([, y]) => y))]
  const bottom = Math.max(...corners.map(([, y]) => y))
  return label(faceLabel(face, number), [left, top], bottom, colourOf(face), page)
}

function drawZoneName(name: string, number: number, polygon: Polygon, page: Page): string {
  const points = pointsOf(polygon, page)
  const top = Math.min(...points.map(([, y]) => y))
  const [left] = points.find(([, y]) => y === top)!
  const short = shortened(name, 40)
  // Lato has no Greek, Cyrillic or Chinese: such a zone is drawn with its number, and the terminal shows its name.
  const text = page.lettering.covers(short) ? short : `zone ${number}`
  const inside = top + 1.6 * page.textSize
  return label(text, [left, inside], inside, colours.zone, page)
}

/** A text on black: above its box or zone, below it, or where there is room. */
function label(text: string, [x, top]: Place, bottom: number, colour: string, page: Page): string {
  const { lettering, textSize, width, pictureHeight, taken } = page
  const style: TextStyle = { size: textSize, weight: 'bold', colour }
  const pad = textSize * 0.25
  const size = { width: lettering.width(text, style) + 2 * pad, height: textSize * 1.35 }
  const at = (y: number): Box => ({
    x: Math.max(0, Math.min(x, width - size.width)),
    y: Math.max(0, Math.min(y, pictureHeight - size.height)),
    ...size
  })
  const rows = Math.floor(pictureHeight / size.height)
  const further = Array.from({ length: rows }, (_, i) => at(bottom + pad + (i + 1) * size.height))
  const places = [at(top - size.height - pad), at(bottom + pad), ...further]
  const place = places.find((candidate) => !taken.some((other) => meet(candidate, other))) ?? places[0]!
  taken.push(place)
  return [
    `<rect x="${place.x}" y="${place.y}" width="${place.width}" height="${place.height}" fill="black" fill-opacity="0.75"/>`,
    lettering.draw(text, place.x + pad, place.y + size.height - 1.4 * pad, style)
  ].join('')
}

const meet = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height

/** With a question mark for each character that Lato has not: it would be drawn as a box. */
const known = (text: string, lettering: Lettering): string =>
  [...text].map((character) => (lettering.covers(character) ? character : '?')).join('')

function drawCaption([left, right]: readonly [string, string], page: Page): string[] {
  const { lettering, width, pictureHeight, textSize, lines } = page
  const [margin, step] = [textSize, lineHeight(textSize)]
  const bold: TextStyle = { size: textSize, weight: 'bold', colour: colours.text }
  const plain: TextStyle = { size: textSize, colour: colours.text }
  const room = width - 3 * margin - lettering.width(right, plain)
  const first = pictureHeight + step
  return [
    lettering.draw(lettering.fitted(known(left, lettering), room, bold), margin, first, bold),
    lettering.draw(right, width - margin, first, { ...plain, anchor: 'end' }),
    ...lines.map((line, i) => {
      const text = lettering.fitted(line, width - 2 * margin, plain)
      return lettering.draw(text, margin, first + (i + 1) * step, plain)
    })
  ]
}
