/**
 * How a face moves: a Kalman filter with constant speed for each of its box's centre's coordinates, and one for its size, as
 * SORT has them (A. Bewley et al., "Simple online and realtime tracking", ICIP 2016). Lengths are in widths of the face, so that
 * a face near the camera moves as one far away.
 */
import type { Box } from '../../core/types.js'
import { centreOf } from './boxes.js'

/** How far a detector is off, and how a face changes its speed and its size, all in widths of the face. */
const noise = {
  place: { measured: 0.05 ** 2, restless: 2 ** 2 },
  size: { measured: 0.06 ** 2, restless: 0.15 ** 2 }
}
/** What is known of a new face's speed: its deviation in widths/s. Four is a person who walks past. */
const firstSpeed = 3

/** A coordinate and its speed, with the covariance of both; an acceleration's spectral density is what unsettles them. */
interface Coordinate {
  at: number
  speed: number
  variance: number
  shared: number
  haste: number
}

function predicted({ at, speed, variance, shared, haste }: Coordinate, dt: number, restless: number): Coordinate {
  return {
    at: at + speed * dt,
    speed,
    variance: variance + 2 * dt * shared + dt * dt * haste + (restless * dt ** 3) / 3,
    shared: shared + dt * haste + (restless * dt * dt) / 2,
    haste: haste + restless * dt
  }
}

function corrected({ at, speed, variance, shared, haste }: Coordinate, seen: number, measured: number): Coordinate {
  const gain = variance / (variance + measured)
  const push = shared / (variance + measured)
  return {
    at: at + gain * (seen - at),
    speed: speed + push * (seen - at),
    variance: (1 - gain) * variance,
    shared: (1 - gain) * shared,
    haste: haste - push * shared
  }
}

/** Negative log-likelihood of what is seen, less that of a measurement that fits as well as one can. */
const unlikeliness = (off: number, variance: number, measured: number, unit: number): number =>
  0.5 * (off ** 2 / variance + Math.log(variance / (measured * unit ** 2)))

/** The motion of one face. */
export class Motion {
  #x: Coordinate
  #y: Coordinate
  /** Natural logarithms of width and height, and their variance. */
  #width: number
  #height: number
  #sizeVariance = noise.size.measured
  #at: number

  /** @param at in ms */
  constructor(box: Box, at: number) {
    const { x, y } = centreOf(box)
    const begin = (place: number): Coordinate => ({
      at: place,
      speed: 0,
      variance: noise.place.measured * box.width ** 2,
      shared: 0,
      haste: (firstSpeed * box.width) ** 2
    })
    this.#x = begin(x)
    this.#y = begin(y)
    this.#width = Math.log(box.width)
    this.#height = Math.log(box.height)
    this.#at = at
  }

  /** Where the face is expected; a time before the last one is the last one. */
  boxAt(at: number): Box {
    const dt = this.#since(at)
    const [width, height] = [Math.exp(this.#width), Math.exp(this.#height)]
    const [x, y] = [this.#x, this.#y].map((one) => one.at + one.speed * dt) as [number, number]
    return { x: x - width / 2, y: y - height / 2, width, height }
  }

  /** How unlikely it is that the face is there: 0 for a sure place that is hit, more for one that is missed or unsure. */
  unlikeliness(box: Box, at: number): number {
    const dt = this.#since(at)
    const { x, y } = centreOf(box)
    const { place, size } = noise
    const off = (one: Coordinate, seen: number): number => {
      const expected = predicted(one, dt, place.restless * this.#unit)
      const variance = expected.variance + place.measured * this.#unit
      return unlikeliness(seen - expected.at, variance, place.measured, box.width)
    }
    const sizeVariance = this.#sizeVariance + size.restless * dt + size.measured
    const grown = (seen: number, expected: number) =>
      unlikeliness(Math.log(seen) - expected, sizeVariance, size.measured, 1)
    return off(this.#x, x) + off(this.#y, y) + grown(box.width, this.#width) + grown(box.height, this.#height)
  }

  /** The face was seen there. */
  take(box: Box, at: number): void {
    const dt = this.#since(at)
    const { x, y } = centreOf(box)
    const { place, size } = noise
    const unit = this.#unit
    const follow = (one: Coordinate, seen: number): Coordinate =>
      corrected(predicted(one, dt, place.restless * unit), seen, place.measured * unit)
    this.#x = follow(this.#x, x)
    this.#y = follow(this.#y, y)
    const variance = this.#sizeVariance + size.restless * dt
    const gain = variance / (variance + size.measured)
    this.#width += gain * (Math.log(box.width) - this.#width)
    this.#height += gain * (Math.log(box.height) - this.#height)
    this.#sizeVariance = (1 - gain) * variance
    this.#at = Math.max(this.#at, at)
  }

  /** The square of the face's width, the unit of its place's variances, in pixels². */
  get #unit(): number {
    return Math.exp(2 * this.#width)
  }

  /** Seconds since it was seen; none where the clock has stepped back. */
  #since(at: number): number {
    return Math.max(0, at - this.#at) / 1000
  }
}
