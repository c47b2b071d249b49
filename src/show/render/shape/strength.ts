import type { ActionUnits, UnitName } from '../action-units.js'
import { clamp } from '../numbers.js'

/** How strong a unit is, 0..1; 0 where it is at rest. */
export type Strength = (unit: UnitName) => number

/** Looks strengths up in `units`, kept within 0..1. */
export const strengthOf =
  (units: ActionUnits): Strength =>
  (unit) =>
    clamp(units[unit] ?? 0)

/** -1 is the picture's left (the person's right), 1 the picture's right. */
export type Side = -1 | 1
/** The picture's left first. */
export const sides: readonly Side[] = [-1, 1]
