import type { Size } from '../../core/types.js'

/** How far a picture is turned, in degrees clockwise. */
export const turns = [0, 90, 180, 270] as const
export type QuarterTurn = (typeof turns)[number]

/** What makes a camera's picture of its stream. */
export interface ShapeOptions {
  /** `auto`, the default: as the stream says. A number counts instead of what the stream says. */
  rotation?: 'auto' | QuarterTurn
  /** Width to height of the stream's picture before `rotation`, where the stream does not say so itself; null: as it says. */
  aspect?: number | null
}

/** What a stream says of the shape of its pictures. */
export interface StreamShape extends Size {
  /** Width to height of one of its pixels, 1 where it does not say. */
  sampleAspect?: number
  rotation?: QuarterTurn
}

export const turned = ({ width, height }: Size, turn: QuarterTurn): Size =>
  turn % 180 === 0 ? { width, height } : { width: height, height: width }

/** The size of the camera's picture in square pixels, not rounded: what a person sees who plays the stream. */
export function pictureSize(stream: StreamShape, { rotation = 'auto', aspect }: ShapeOptions): Size {
  const { width, height, sampleAspect = 1, rotation: told = 0 } = stream
  const own = turned({ width: width * sampleAspect, height }, rotation === 'auto' ? told : 0)
  const shaped = aspect ? { width: own.height * aspect, height: own.height } : own
  return rotation === 'auto' ? shaped : turned(shaped, rotation)
}

/** The largest size of a picture's shape that fits into the frame; `ffmpegDecoder`'s scale filter reckons the same. */
export function fitInto(picture: Size, frame: Size): Size {
  const fitted = (length: number, own: number, other: number): number => Math.max(1, Math.round((length * own) / other))
  return {
    width: Math.min(frame.width, fitted(frame.height, picture.width, picture.height)),
    height: Math.min(frame.height, fitted(frame.width, picture.height, picture.width))
  }
}
