/** The state of a ward's boxes, rooms and open alarms, built from messages of the contract only. */
import type { HealthMessage } from '../contract/messages.js'
import type { Payloads } from '../contract/topics.js'
import type { Clock, Moment } from '../core/clock.js'
import type { CameraState } from '../core/types.js'
import { type HeardAlarm, type HeardExplanation, OpenAlarms } from './open-alarms.js'
import type { BoxRow, RoomLamp, RoomReference, RoomRow, RoomUnknown, Row } from './wire.js'

/** What a ward is made of; the other kinds say nothing that a page shows. */
export type HeardKind =
  | 'status'
  | 'health'
  | 'cameraState'
  | 'cameraReference'
  | 'alarm'
  | 'acknowledgement'
  | 'explanation'

/** What the page uses of each, so that a box of another version is understood, too. */
interface HeardMessages {
  status: Pick<Payloads['status'], 'state'>
  health: {
    at: string
    model: Pick<HealthMessage['model'], 'demonstration'>
    /** A box of an earlier version does not say. */
    active_alarms?: number | undefined
    cameras: Record<string, Pick<CameraHealth, 'state'> & Partial<Pick<CameraHealth, 'location' | 'face_at'>>>
  }
  cameraState: Pick<Payloads['cameraState'], 'state' | 'until'>
  cameraReference: Payloads['cameraReference']
  alarm: HeardAlarm
  acknowledgement: Payloads['acknowledgement']
  explanation: HeardExplanation
}
type CameraHealth = HealthMessage['cameras'][string]

/** One message of a box. Null: a retained one was taken away. Without its state a camera is gone. */
export type Heard = {
  [K in HeardKind]: { device: string; kind: K; camera: string; message: HeardMessages[K] | null }
}[HeardKind]

export interface Linked {
  /** Whether the alarms of this box reach the broker. */
  broker: boolean
  /** Whether the other boxes are heard. */
  others: boolean
  /** Boxes of which the broker refuses a topic. */
  unreadable: ReadonlySet<string>
}

export interface WardOptions {
  /** The box that shows, first, and the others that it shows. */
  devices: readonly string[]
  /** Whether pictures of explanations may be shown, where a box sends them. */
  heatmaps: boolean
  clock: Clock
}

/** A box sends its health each 30 s; after this time without it, its rooms are unknown. */
const silentMs = 100_000
/** No face for that long: the bed may be empty. */
const noFaceMs = 30_000
const mostCameras = 64
/** A box has active alarms and none of them is heard, for longer than it takes to repeat them when asked. */
const unheardMs = 15_000

/** Why a room is unknown in each state of its camera; null: it is watched. */
const unknownBy: Readonly<Record<CameraState, RoomUnknown | 'paused' | null>> = {
  ok: null,
  connecting: 'connecting',
  lost: 'lost',
  frozen: 'frozen',
  dark: 'dark',
  damaged: 'damaged',
  paused: 'paused'
}

interface Box {
  /** Null until its status is heard. */
  online: boolean | null
  broker: boolean
  health: HeardMessages['health'] | null
  healthAt: Moment
  /** Since when it says that alarms are active of which none is known; null where that is not so. */
  unheardSince: Moment | null
  cameras: Map<string, { state: CameraState; until: string | null }>
  references: Map<string, Payloads['cameraReference']>
  alarms: OpenAlarms
}

export class Ward {
  readonly #options: WardOptions
  readonly #boxes: ReadonlyMap<string, Box>
  #linked: Linked = { broker: true, others: true, unreadable: new Set() }

  constructor(options: WardOptions) {
    this.#options = options
    this.#boxes = new Map(options.devices.map((device) => [device, this.#newBox()]))
  }

  /** Applies a message. @returns false for one of another box, which changes nothing */
  take(heard: Heard): boolean {
    const box = this.#boxes.get(heard.device)
    if (!box) return false
    if (heard.kind === 'cameraReference') this.#reference(box, heard.camera, heard.message)
    else if (heard.message === null) box.cameras.delete(heard.camera)
    else if (heard.kind === 'status') box.online = heard.message.state === 'online'
    else if (heard.kind === 'health') this.#health(box, heard.message)
    else if (heard.kind === 'alarm') this.#alarm(box, heard.message)
    else if (heard.kind === 'acknowledgement') box.alarms.acknowledged(heard.message)
    else if (heard.kind === 'explanation') box.alarms.explain(heard.message)
    else if (box.cameras.has(heard.camera) || box.cameras.size < mostCameras)
      box.cameras.set(heard.camera, { state: heard.message.state, until: heard.message.until ?? null })
    return true
  }

  linked(linked: Linked): void {
    this.#linked = linked
  }

  /** The picture of an alarm's explanation, a PNG. */
  heatmap(device: string, id: string): Buffer | null {
    return this.#boxes.get(device)?.alarms.heatmap(id) ?? null
  }

  /** @returns null where the page shows no such room */
  room(device: string, camera: string): RoomRow | null {
    const box = this.#boxes.get(device)
    return box?.cameras.has(camera) ? this.#roomRow(device, camera, box, this.#unheard(device, box)) : null
  }

  /** All that is shown, by a key that stays. */
  rows(): Map<string, Row> {
    const rows = new Map<string, Row>()
    for (const [device, box] of this.#boxes) {
      const why = this.#unheard(device, box)
      rows.set(`box/${device}`, this.#boxRow(device, box, why))
      for (const camera of box.cameras.keys())
        rows.set(`room/${device}/${camera}`, this.#roomRow(device, camera, box, why))
      for (const row of box.alarms.rows(device)) rows.set(`alarm/${device}/${row.id}`, row)
    }
    return rows
  }

  #newBox(): Box {
    const alarms = new OpenAlarms(this.#options.heatmaps)
    return {
      online: null,
      broker: true,
      health: null,
      healthAt: 0 as Moment,
      unheardSince: null,
      cameras: new Map(),
      references: new Map(),
      alarms
    }
  }

  #alarm(box: Box, message: HeardAlarm): void {
    box.alarms.take(message)
    box.unheardSince = null
  }

  /** It may come before the camera's state: rows are made of those only that have one. */
  #reference({ references }: Box, camera: string, message: Payloads['cameraReference'] | null): void {
    references.delete(camera)
    if (message && references.size < mostCameras) references.set(camera, message)
  }

  /** A camera that is not in it was taken out of the box's config. */
  #health(box: Box, message: HeardMessages['health']): void {
    box.health = message
    box.healthAt = this.#options.clock.now()
    const isUnheard = (message.active_alarms ?? 0) > 0 && !box.alarms.areActive
    box.unheardSince = isUnheard ? (box.unheardSince ?? box.healthAt) : null
    for (const camera of box.cameras.keys()) if (!(camera in message.cameras)) box.cameras.delete(camera)
    for (const [camera, { state }] of Object.entries(message.cameras).slice(0, mostCameras))
      if (!box.cameras.has(camera)) box.cameras.set(camera, { state, until: null })
  }

  /** Why nothing of a box can be relied on. */
  #unheard(device: string, box: Box): RoomUnknown | null {
    const own = device === this.#options.devices[0]
    if (!own && !this.#linked.others) return 'broker_away'
    if (box.online === false) return 'box_off'
    if (box.online === null || box.health === null) return 'box_unheard'
    const now = this.#options.clock.now()
    if (now - box.healthAt > silentMs) return 'box_silent'
    const isUnheard = box.unheardSince !== null && now - box.unheardSince > unheardMs
    return isUnheard || this.#linked.unreadable.has(device) ? 'alarms_unheard' : null
  }

  #boxRow(device: string, { health }: Box, why: RoomUnknown | null): BoxRow {
    const demonstration = health?.model.demonstration === true
    return { kind: 'box', device, why, broker: this.#linked.broker, demonstration }
  }

  #roomRow(device: string, camera: string, box: Box, unheard: RoomUnknown | null): RoomRow {
    const { ward = null, room = null, bed = null } = box.health?.cameras[camera]?.location ?? {}
    const { state, until } = box.cameras.get(camera)!
    const reference = referenceOf(box.references.get(camera))
    const place = { kind: 'room', device, camera, ward, room, bed, reference } as const
    const unknown = unheard ?? (box.alarms.has('inference_failed', null) ? 'inference_failed' : null)
    if (unknown) return { ...place, lamp: 'unknown', why: unknown, until: null }
    const why = unknownBy[state]
    if (why === 'paused') return { ...place, lamp: 'paused', why: null, until }
    if (why) return { ...place, lamp: 'unknown', why, until: null }
    if (box.alarms.has('face_unusable', camera)) return { ...place, lamp: 'unknown', why: 'face_unusable', until: null }
    return { ...place, lamp: this.#watchedLamp(camera, box), why: null, until: null }
  }

  #watchedLamp(camera: string, { alarms, health }: Box): RoomLamp {
    if (alarms.has('pain', camera)) return 'pain'
    const seen = health?.cameras[camera]?.face_at
    // A box of an earlier version does not say.
    if (seen === undefined) return 'watched'
    if (health && (seen === null || Date.parse(health.at) - Date.parse(seen) > noFaceMs)) return 'no_face'
    return 'watched'
  }
}

function referenceOf(message: Payloads['cameraReference'] | undefined): RoomReference | null {
  if (!message) return null
  const { available, zones, references } = message
  const beds = references.map(({ zone, since, by, suspended, expired }) => {
    const state = expired ? ('expired' as const) : suspended ? ('suspended' as const) : ('used' as const)
    return { zone, since, by, state }
  })
  return { available, zones, beds }
}
