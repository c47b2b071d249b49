/** What commands ask a running daemon over its control socket, and what it answers: HTTP, in JSON, pictures as raw pixels. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { CameraConfig } from '../../config/index.js'
import { who } from '../../contract/commands.js'
import { type Clock, stamp } from '../../core/clock.js'
import type { ErrorCode } from '../../core/errors.js'
import type { Secrets } from '../../core/secrets.js'
import { referenceSeconds } from '../../core/types.js'
import { encode } from '../../stages/mqtt/delivery.js'
import type { SavedEntry } from '../../stages/outbox/index.js'
import type { SeenFace, Sight } from '../line/viewers.js'

const size = { width: z.number().int().positive(), height: z.number().int().positive() }
const box = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() })
const polygon = z.array(z.tuple([z.number(), z.number()]))

/** A digest of each key of a camera's config, so that a command can tell which differ from its own file's. */
const settings = z.record(z.string(), z.string())

/** The answer to `GET /cameras`. Unknown keys, of another version, are dropped. */
export const camerasAnswer = z.object({
  version: z.string(),
  device: z.string(),
  /** Its config file; left out by versions before it was told. */
  config: z.string().optional(),
  pid: z.number().int(),
  started: z.string(),
  cameras: z.array(
    z.object({
      id: z.string(),
      /** One of `cameraStates`, or one that another version has. */
      state: z.string(),
      since: z.string(),
      until: z.string().nullable(),
      reason: z.string().nullable(),
      /** Frames per second, as they came in the last seconds. */
      fps: z.number(),
      /** Pictures since painlens started, and how many of them were not analysed because inference is slower; not told by older versions. */
      frames: z.number().optional(),
      dropped: z.number().optional(),
      /** The age of the last picture. */
      last_picture_ms: z.number().nullable(),
      /** Of the camera's picture within the frame, without black bars. */
      picture: z.object(size).nullable(),
      decoder: z.string(),
      /** Why it is not the better decoder that the machine has. */
      decoder_problem: z.object({ code: z.string(), what: z.string() }).nullable(),
      settings
    })
  )
})
export type CamerasAnswer = z.infer<typeof camerasAnswer>
export type CameraSeen = CamerasAnswer['cameras'][number]

/**
 * The first line of the answer to `GET /cameras/ID/frame`, ended by a line feed; RGB24 pixels of `width` x `height` follow.
 * Boxes are in pixels of the frame, polygons in 0..1 of `picture`.
 */
export const frameHead = z.object({
  camera: z.string(),
  location: z.object({ ward: z.string().nullable(), room: z.string().nullable(), bed: z.string().nullable() }),
  /** The time of day at which the frame came. */
  at: z.string(),
  state: z.string(),
  ...size,
  picture: box,
  masks: z.array(polygon),
  zones: z.array(z.object({ name: z.string(), polygon })),
  /** Null where the frame was not searched. */
  faces: z
    .array(
      z.object({
        box,
        score: z.number(),
        zone: z.string().nullable(),
        /** Clockwise from upright, above -180 and up to 180. */
        roll_deg: z.number(),
        /** Why the face is not usable; null where it is. */
        why_not: z.string().nullable()
      })
    )
    .nullable(),
  settings
})
export type FrameHead = z.infer<typeof frameHead>

/** The query of `POST /cameras/ID/reference`; the answer comes when it is taken. */
export const takeReference = z.object({
  camera: z.string().min(1).max(100),
  zone: z.string().min(1).max(100).optional(),
  seconds: z.coerce
    .number()
    .int()
    .min(referenceSeconds.least)
    .max(referenceSeconds.most)
    .default(referenceSeconds.usual),
  by: who,
  remove: z.stringbool().default(false)
})
export type TakeReference = z.infer<typeof takeReference>

/** The answer to it, where none was removed. */
export const takenReference = z.object({
  zone: z.string().nullable(),
  since: z.string(),
  frames: z.number(),
  shift: z.number()
})
export type TakenReference = z.infer<typeof takenReference>

/** The last line of the answer to `GET /outbox`, after one line for each entry, a `SavedEntry` as JSON without secrets. */
export const endOfOutbox = (count: number): string => JSON.stringify({ end: count })

/** A line of it. Payloads are as their delivery would redact them; what they are found by stays. */
export function encodeSaved(entry: SavedEntry, secrets: Secrets): string {
  const cleaned = (value: object): unknown => JSON.parse(encode(value, secrets))
  if ('message' in entry)
    return JSON.stringify({ message: { ...entry.message, payload: cleaned(entry.message.payload) } })
  const { key, value } = entry.note
  return JSON.stringify({ note: { key, value: value && cleaned(value) } })
}

/** What a refused request is answered with. */
export const refusal = z.object({
  code: z.string(),
  error: z.string(),
  /** What it is about, and what to do; left out where the code says it all, and by older versions. */
  where: z.string().optional(),
  fix: z.string().optional()
})
export type RefusedRequest = z.infer<typeof refusal> & { code: ErrorCode }

/** The line feed that ends the head of a frame's answer. */
export const headEnd = 0x0a

const digest = (value: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('hex')
    .slice(0, 16)

export function settingsOf(camera: CameraConfig): Record<string, string> {
  return Object.fromEntries(Object.entries(camera).map(([key, value]) => [key, digest(value)]))
}

/** @returns the keys by which a camera's config differs from that of a daemon; keys that only one of them knows are passed over */
export function differences(camera: CameraConfig, daemon: Record<string, string>): string[] {
  return Object.entries(settingsOf(camera)).flatMap(([key, own]) =>
    daemon[key] === undefined || daemon[key] === own ? [] : [key]
  )
}

export function headOf(config: CameraConfig, sight: Sight, state: string, clock: Clock): FrameHead {
  const { id, location, masks, zones } = config
  const { width, height, picture, at, faces } = sight
  return {
    ...{ camera: id, location, at: stamp(clock, at), state, width, height, picture, masks, zones },
    faces: faces?.map(faceTold) ?? null,
    settings: settingsOf(config)
  }
}

const faceTold = ({ box, score, zone, roll, whyNot }: SeenFace) => ({
  box,
  score,
  zone,
  roll_deg: roll,
  why_not: whyNot
})
