/** Masks and zones of one camera while they are edited: what may be done with them, undo, and their YAML for the config. */
import { outlineFault, polygonArea } from '../../config/polygon.js'
import type { Polygon, Zone } from '../../core/types.js'

/** A mask has no name. */
export interface Outline {
  kind: 'mask' | 'zone'
  name: string
  corners: Polygon
}

/** Why a change is not made: as for the config, or because people can hardly see what it makes. */
export type Fault =
  | NonNullable<ReturnType<typeof outlineFault>>
  | { kind: 'small' }
  | { kind: 'nameless' }
  | { kind: 'name_placeholder' }
  | { kind: 'name_twice'; name: string }

/** Of the picture: 1 % of its width by 1 % of its height. */
const leastArea = 0.0001
/** Of new corners and moved ones, in shares: half a pixel of 1280x720 and less. */
const decimals = 4

export const outlinesOf = (masks: readonly Polygon[], zones: readonly Zone[]): readonly Outline[] => [
  ...masks.map((corners): Outline => ({ kind: 'mask', name: '', corners })),
  ...zones.map(({ name, polygon }): Outline => ({ kind: 'zone', name, corners: polygon }))
]

/** What is wrong with the outline at `index`, or null. */
export function faultAt(outlines: readonly Outline[], index: number): Fault | null {
  const { kind, name, corners } = outlines[index]!
  const fault = outlineFault(corners)
  if (fault) return fault
  if (Math.abs(polygonArea(corners)) / 2 < leastArea) return { kind: 'small' }
  if (kind === 'mask') return null
  if (name === '') return { kind: 'nameless' }
  // The config would put an environment variable or a secret there.
  if (name.includes('${')) return { kind: 'name_placeholder' }
  const twice = outlines.some((other, i) => i !== index && other.kind === 'zone' && other.name === name)
  return twice ? { kind: 'name_twice', name } : null
}

/** What a change of the outline at `index` is refused for: one that was too small before may still be mended step by step. */
export function changeFault(before: readonly Outline[], after: readonly Outline[], index: number): Fault | null {
  const fault = faultAt(after, index)
  const wasSmall = index < before.length && faultAt(before, index)?.kind === 'small'
  return fault?.kind === 'small' && wasSmall ? null : fault
}

/** @returns `name`, or with a number behind it where a zone has it already */
export function freeName(outlines: readonly Outline[], name: string): string {
  const taken = new Set(outlines.map((outline) => outline.name))
  for (let i = 2, tried = name; ; i++) {
    if (!taken.has(tried)) return tried
    tried = `${name} ${i}`
  }
}

/** Everything that can be done with the outline at `index`; none of these judges what it makes. */
export const add = (outlines: readonly Outline[], kind: Outline['kind'], name: string): readonly Outline[] => [
  ...outlines,
  { kind, name, corners: freshCorners(outlines.length) }
]

export const remove = (outlines: readonly Outline[], index: number): readonly Outline[] =>
  outlines.filter((_, i) => i !== index)

export const rename = (outlines: readonly Outline[], index: number, name: string): readonly Outline[] =>
  replaced(outlines, index, { name })

export const moveCorner = (
  outlines: readonly Outline[],
  index: number,
  corner: number,
  to: readonly [number, number]
) =>
  replaced(outlines, index, {
    corners: outlines[index]!.corners.map((old, i) => (i === corner ? onPicture(to) : old))
  })

/** All corners together, as far as the picture's edges let them. */
export function moveAll(outlines: readonly Outline[], index: number, [dx, dy]: readonly [number, number]) {
  const { corners } = outlines[index]!
  const within = (by: number, places: readonly number[]): number =>
    Math.min(Math.max(by, -Math.min(...places)), 1 - Math.max(...places))
  const x = within(
    dx,
    corners.map(([left]) => left)
  )
  const y = within(
    dy,
    corners.map(([, top]) => top)
  )
  return replaced(outlines, index, { corners: corners.map(([left, top]) => onPicture([left + x, top + y])) })
}

/** A corner amid the side that begins with `corner`; it is the next one. */
export function addCorner(outlines: readonly Outline[], index: number, corner: number): readonly Outline[] {
  const { corners } = outlines[index]!
  const [x0, y0] = corners[corner]!
  const [x1, y1] = corners[(corner + 1) % corners.length]!
  const between = onPicture([(x0 + x1) / 2, (y0 + y1) / 2])
  return replaced(outlines, index, {
    corners: [...corners.slice(0, corner + 1), between, ...corners.slice(corner + 1)]
  })
}

export const removeCorner = (outlines: readonly Outline[], index: number, corner: number): readonly Outline[] =>
  replaced(outlines, index, { corners: outlines[index]!.corners.filter((_, i) => i !== corner) })

/** The mean of the corners: where the handle that moves them all is drawn. */
export function middleOf({ corners }: Outline): readonly [number, number] {
  const mean = (k: 0 | 1): number => corners.reduce((sum, corner) => sum + corner[k], 0) / corners.length
  return [mean(0), mean(1)]
}

const replaced = (outlines: readonly Outline[], index: number, changes: Partial<Outline>): readonly Outline[] =>
  outlines.map((old, i) => (i === index ? { ...old, ...changes } : old))

function onPicture([x, y]: readonly [number, number]): [number, number] {
  const rounded = (share: number): number => Number(Math.min(Math.max(share, 0), 1).toFixed(decimals))
  return [rounded(x), rounded(y)]
}

/** Rectangles in the middle of the picture, each a little beside the one before, so that both are seen. */
function freshCorners(count: number): Polygon {
  const [from, to] = [0.25 + (count % 5) * 0.05, 0.65 + (count % 5) * 0.05]
  return [onPicture([from, from]), onPicture([to, from]), onPicture([to, to]), onPicture([from, to])]
}

/** The outlines now, and those that undo and redo lead to. */
export interface History {
  readonly now: readonly Outline[]
  readonly past: readonly (readonly Outline[])[]
  readonly future: readonly (readonly Outline[])[]
  /** Of the last change; one with the same name goes into the same step. */
  readonly step: string | null
}

const mostSteps = 200

export const begin = (now: readonly Outline[]): History => ({ now, past: [], future: [], step: null })

/** @param step null: a step of its own; else presses of a key in a row are one step */
export function change(history: History, now: readonly Outline[], step: string | null = null): History {
  if (step !== null && step === history.step) return { ...history, now, future: [] }
  return { now, past: [...history.past, history.now].slice(-mostSteps), future: [], step }
}

export function undo(history: History): History {
  const { now, past, future } = history
  if (past.length === 0) return history
  return { now: past.at(-1)!, past: past.slice(0, -1), future: [now, ...future], step: null }
}

export function redo(history: History): History {
  const { now, past, future } = history
  const [next, ...later] = future
  return next ? { now: next, past: [...past, now], future: later, step: null } : history
}

/**
 * A name as a double-quoted scalar. JSON's strings are YAML's, but for characters that YAML wants escaped (YAML 1.2, 5.1) and
 * for U+FFFD, which the config takes for a sign that the file is not UTF-8.
 */
const quoted = (name: string): string =>
  JSON.stringify(name).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffd-\uffff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`
  )

/** The lines of a camera's `masks` and `zones`, indented as in a config whose cameras are a list. */
export function yamlOf(outlines: readonly Outline[]): string {
  const masks = outlines.filter(({ kind }) => kind === 'mask')
  const zones = outlines.filter(({ kind }) => kind === 'zone')
  return [
    masks.length === 0 ? '    masks: []' : '    masks:',
    ...masks.map(({ corners }) => `      - ${cornersText(corners)}`),
    zones.length === 0 ? '    zones: []' : '    zones:',
    ...zones.flatMap(({ name, corners }) => [
      `      - name: ${quoted(name)}`,
      `        polygon: ${cornersText(corners)}`
    ]),
    ''
  ].join('\n')
}

const cornersText = (corners: Polygon): string => `[${corners.map(([x, y]) => `[${x}, ${y}]`).join(', ')}]`
