import type { Size } from '../../core/types.js'

/** How far a picture is turned, in degrees clockwise. */
const turns = [0, 90, 180, 270] as const
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

export const turnedSize = ({ width, height }: Size, turn: QuarterTurn): Size =>
  turn % 180 === 0 ? { width, height } : { width: height, height: width }

/** The size of the camera's picture in square pixels, not rounded: what a person sees who plays the stream. */
export function pictureSize(stream: StreamShape, { rotation = 'auto', aspect }: ShapeOptions): Size {
  const { width, height, sampleAspect = 1, rotation: told = 0 } = stream
  const own = turnedSize({ width: width * sampleAspect, height }, rotation === 'auto' ? told : 0)
  const shaped = aspect ? { width: own.height * aspect, height: own.height } : own
  return rotation === 'auto' ? shaped : turnedSize(shaped, rotation)
}

/** What a camera sends, and what is made of it. */
export interface CameraShape {
  /** Of the stream's picture, in its own pixels. */
  coded: Size
  /** Width to height of one of them. */
  sampleAspect: number
  /** By which the picture is turned, clockwise: the stream's word, or the config's. */
  rotation: QuarterTurn
  /** Of the camera's picture, in square pixels. */
  picture: Size
}

/** Null where the size is not known yet. */
export function cameraShape(
  { width, height, sampleAspect = 1, rotation: told = 0 }: Partial<StreamShape>,
  options: ShapeOptions
): CameraShape | null {
  if (!width || !height) return null
  const exact = pictureSize({ width, height, sampleAspect, rotation: told }, options)
  const { rotation = 'auto' } = options
  return {
    coded: { width, height },
    sampleAspect,
    rotation: rotation === 'auto' ? told : rotation,
    picture: { width: Math.round(exact.width), height: Math.round(exact.height) }
  }
}

/** `16:11` for 16/11: the simplest fraction that is as good as the same. */
export function ratioText(aspect: number): string {
  for (let high = 1; high < 1000; high++) {
    const wide = Math.round(aspect * high)
    if (wide > 0 && Math.abs(wide / high - aspect) < 1e-5 * aspect) return `${wide}:${high}`
  }
  return `${aspect.toFixed(3)}:1`
}

/** The largest size of a picture's shape that fits into the frame; `ffmpegDecoder`'s scale filter reckons the same. */
export function fitInto(picture: Size, frame: Size): Size {
  const fitted = (length: number, own: number, other: number): number => Math.max(1, Math.round((length * own) / other))
  return {
    width: Math.min(frame.width, fitted(frame.height, picture.width, picture.height)),
    height: Math.min(frame.height, fitted(frame.width, picture.height, picture.width))
  }
}

/**
 * What a line of a decoder's standard error says of the shape of the pictures that it has begun to put out: FFmpeg's showinfo,
 * by a line for size and pixels and one for the turn, or gst-launch-1.0 -v of what goes into videorate. Undefined for all other lines.
 */
export function toldShape(line: string): Partial<StreamShape> | undefined {
  const size = line.startsWith(gstCaps) ? sizeInCaps(line) : sizeInShowinfo(line)
  if (size) {
    const [width, height, wide, high] = size.map(Number) as [number, number, number, number]
    return { width, height, sampleAspect: ratio(wide, high) }
  }
  return line.startsWith('[showinfo@') ? toldTurn(line) : undefined
}

/** Whether a line of FFmpeg's showinfo is the last about a key picture: how it lies is told before, or not at all. */
export const endsKeyPicture = (line: string): boolean => /^\[showinfo@key .*color_range:/.test(line)

const gstCaps = '/GstPipeline:pipeline0/GstVideoRate:videorate0.GstPad:src: caps = video/x-raw'

const sizeInCaps = (line: string): string[] | undefined =>
  [/ width=\(int\)(\d+)/, / height=\(int\)(\d+)/, /-ratio=\(fraction\)(\d+)/, /-ratio=\(fraction\)\d+\/(\d+)/].map(
    (part) => part.exec(line)?.[1] ?? '0'
  )

function sizeInShowinfo(line: string): string[] | undefined {
  const [, wide, high, width, height] = /^\[showinfo@\w+ .* sar:(\d+)\/(\d+) s:(\d+)x(\d+) /.exec(line) ?? []
  return wide && high && width && height ? [width, height, wide, high] : undefined
}

/** Width to height of a pixel; 1 for what is not told, which FFmpeg writes as `0/1`. */
export function ratio(wide: number, high: number): number {
  const aspect = wide / high
  return aspect > 0 && aspect < Number.POSITIVE_INFINITY ? aspect : 1
}

/**
 * From `displaymatrix: rotation of -90.00 degrees`, which FFmpeg counts counterclockwise. Anything but quarters counts as
 * not told.
 */
function toldTurn(line: string): Partial<StreamShape> | undefined {
  const degrees = /displaymatrix: rotation of (-?[\d.]+) degrees/i.exec(line)?.[1]
  if (degrees === undefined) return undefined
  const clockwise = (((-Math.round(Number(degrees)) % 360) + 360) % 360) as QuarterTurn
  return turns.includes(clockwise) ? { rotation: clockwise } : undefined
}
