/** What another box has published, checked: only the fields that the page uses, and texts of a bounded length. */
import { z } from 'zod'
import { priorities } from '../contract/conditions.js'
import { byLanguage } from '../contract/languages/index.js'
import { printable } from '../core/printable.js'
import { cameraStates } from '../core/types.js'
import type { Heard, HeardKind } from './ward.js'
import { acknowledgements } from './wire.js'

const short = z.string().max(100)
/** A name as it is shown, also where a box of another version lets control characters through. */
const shown = short.transform(printable)
/** Of a camera. */
const mostZones = 64
const time = z.iso.datetime()
const long = z.string().transform((text) => text.slice(0, 500))
const texts = z.object(byLanguage(() => long))
const place = short.nullable().default(null)
const ack = z.object({ by: short, at: time, kind: z.enum(acknowledgements) })
/** An unknown state, of a later version, counts as not watched. */
const state = z.enum(cameraStates).catch('connecting')

const schemas: Readonly<Record<HeardKind, z.ZodType>> = {
  status: z.object({ state: z.enum(['online', 'offline']) }),
  health: z.object({
    at: time,
    active_alarms: z.number().optional().catch(undefined),
    model: z.object({ demonstration: z.boolean() }),
    cameras: z.record(
      short,
      z.object({
        state,
        location: z.object({ ward: place, room: place, bed: place }).optional(),
        face_at: time.nullable().optional()
      })
    )
  }),
  cameraState: z.object({ state, until: time.optional() }),
  cameraReference: z.object({
    available: z.boolean(),
    zones: z.array(short).max(mostZones),
    references: z
      .array(z.object({ zone: short.nullable(), since: time, by: shown, suspended: z.boolean(), expired: z.boolean() }))
      .max(mostZones + 1)
  }),
  alarm: z.object({
    alarm_id: short,
    phase: z.enum(['start', 'update', 'end']),
    seq: z.number(),
    type: z.enum(['physiological', 'technical']),
    condition: short,
    priority: z.enum(priorities),
    ack: ack.nullable(),
    camera: short.nullable(),
    onset: time,
    updated: time,
    text: texts,
    test: z.boolean(),
    score: z.number().nullable().optional(),
    threshold: z.number().nullable().optional(),
    reference: z.object({}).nullable().optional()
  }),
  acknowledgement: ack.extend({ alarm_id: short, after_end: z.boolean() }),
  explanation: z.object({ alarm_id: short, text: texts, heatmap: z.base64().optional() })
}

/** @returns null unless it is a message of that kind */
export function readHeard(device: string, kind: HeardKind, camera: string, message: unknown): Heard | null {
  const about = { device, kind, camera: camera.slice(0, 100) }
  // An empty retained message takes a camera, or what is known of its resting faces, away; of other kinds it says nothing.
  const isRetained = kind === 'cameraState' || kind === 'cameraReference'
  if (message === null) return isRetained ? ({ ...about, message } as Heard) : null
  const { data } = schemas[kind].safeParse(message)
  // The schema of its kind has made it.
  return data ? ({ ...about, message: data } as Heard) : null
}
