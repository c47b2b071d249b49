/** An invented ward for the pictures: eight rooms of one box, two of another one that is off, and three open alarms. */
import type { CameraState } from '#painlens/core/types.js'
import type { CameraTile, CheckLamp, Heard, PageFinder, PageStage, PageWay } from '#painlens/page/index.js'

const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString()
const locationOf = (room: string) => ({ ward: 'Station 2', room, bed: 'A' })

const rooms = ['11', '12', '13', '14', '15', '16', '17', '18']

/** A mask over the neighbour's side, and the bed. */
const outlines: Pick<CameraTile, 'masks' | 'zones'> = {
  masks: [
    [
      [0.82, 0],
      [1, 0],
      [1, 0.7],
      [0.78, 0.7]
    ]
  ],
  zones: [
    {
      name: 'bed',
      polygon: [
        [0.1, 0.12],
        [0.72, 0.12],
        [0.76, 0.96],
        [0.06, 0.96]
      ]
    }
  ]
}

export const tiles: readonly CameraTile[] = rooms.slice(0, 3).map((room, i) => ({
  camera: `room-${room}`,
  state: room === '13' ? 'dark' : 'ok',
  fps: 5 - (i % 2) * 0.1,
  damaged: i * 3,
  judged_every_s: 0.2,
  usable_share: room === '13' ? 0.12 : 0.9 - i * 0.05,
  problem: null,
  decoder: 'software',
  ...outlines
}))

const fine = { fix: null, code: null }
export const lamps: readonly CheckLamp[] = [
  { what: 'clock', state: 'ok', found: '2026-11-28T02:14:00.000Z', ...fine },
  { what: 'camera room-12', state: 'ok', found: 'ok, 5 fps', ...fine },
  {
    ...{ what: 'camera room-13', state: 'fail', found: 'the brightest part has 9 of 255 grey levels', code: null },
    fix: 'Give the room more light, or turn on the infrared light of the camera.'
  },
  { what: 'broker', state: 'ok', found: 'mqtts://broker.ward-2.example:8883', ...fine },
  { what: 'disk', state: 'ok', found: '0 messages wait for the broker', ...fine }
]

export const way: PageWay = {
  state: () => ({
    ...{ camera: 'room-12', by: 'Technik B.', begun: ago(20), confirmed: ago(20), back: ago(19), notHeard: null },
    ...{ notBack: false, acknowledged: null, ended: null }
  }),
  start: async () => undefined
}

export const finder: PageFinder = {
  state: () => ({
    running: false,
    cameras: [
      {
        ...{ address: '192.0.2.21', name: 'Example Dome 4', problem: null },
        profiles: [
          { name: 'main', width: 1920, height: 1080, fps: 25, codec: 'H265', url: 'rtsp://192.0.2.21:554/stream/main' },
          { name: 'sub', width: 1280, height: 720, fps: 10, codec: 'H264', url: 'rtsp://192.0.2.21:554/stream/sub' }
        ]
      },
      {
        ...{ address: '192.0.2.22', name: null, profiles: [] },
        problem: {
          code: 'PL-ONVIF-LOGIN',
          message: 'asks for a login, or refuses this one',
          fix: 'Give a user and its password.'
        }
      }
    ]
  }),
  start: () => undefined
}

type Alarm = Extract<Heard, { kind: 'alarm' }>['message'] & object

function alarm(alarm_id: string, camera: string, seconds: number, changes: Partial<Alarm>): Heard {
  const message: Alarm = {
    ...{ alarm_id, camera, phase: 'start', seq: 0, type: 'physiological', condition: 'pain', priority: 'high' },
    ...{ ack: null, onset: ago(seconds), updated: ago(0), text: { en: '', de: '' }, test: false },
    ...changes
  }
  return { device: 'box-1', kind: 'alarm', camera: '', message }
}

function health(device: string, numbers: readonly string[]): Heard {
  const cameras = numbers.map((room) => {
    const sketch = { state: 'ok' as const, location: locationOf(room), face_at: room === '14' ? ago(600) : ago(1) }
    return [`room-${room}`, sketch] as const
  })
  const message = { at: ago(0), model: { demonstration: true }, cameras: Object.fromEntries(cameras) }
  return { device, kind: 'health', camera: '', message }
}

const reference = { device: 'box-1', kind: 'cameraReference' } as const
const taken = { zone: null, since: ago(260_000), by: 'Schwester K.', suspended: false, expired: false }

/** @param heatmap of the pain alarm's explanation, a PNG */
export function fillWard(page: PageStage, heatmap: Buffer): void {
  const states: Partial<Record<string, { state: CameraState; until?: string }>> = {
    '13': { state: 'dark' },
    '16': { state: 'paused', until: ago(-600) }
  }
  const told: Heard[] = [
    { device: 'box-1', kind: 'status', camera: '', message: { state: 'online' } },
    health('box-1', rooms),
    ...rooms.map((room): Heard => {
      const message = states[room] ?? { state: 'ok' }
      return { device: 'box-1', kind: 'cameraState', camera: `room-${room}`, message }
    }),
    alarm('pain-12', 'room-12', 41, {
      text: { en: 'Pain suspected, room 12, bed A', de: 'Verdacht auf Schmerz, Zimmer 12, Bett A' }
    }),
    {
      device: 'box-1',
      kind: 'explanation',
      camera: '',
      message: {
        alarm_id: 'pain-12',
        text: {
          en: 'The model looked at the brows (46 %) and the eyes (31 %).',
          de: 'Das Modell achtete auf die Brauen (46 %) und die Augen (31 %).'
        },
        heatmap: heatmap.toString('base64')
      }
    },
    alarm('dark-13', 'room-13', 612, {
      ...{ type: 'technical', condition: 'camera_dark', priority: 'medium' },
      text: { en: 'Camera picture dark, room 13, bed A', de: 'Kamerabild dunkel, Zimmer 13, Bett A' },
      ack: { by: 'Pfleger M.', kind: 'seen', at: ago(500) }
    }),
    alarm('pain-15', 'room-15', 1500, {
      ...{ phase: 'end', seq: 5, updated: ago(1440) },
      text: {
        en: 'Pain suspected, room 15, bed A: alarm ended, face out of sight',
        de: 'Verdacht auf Schmerz, Zimmer 15, Bett A: Alarm beendet, Gesicht nicht mehr im Bild'
      }
    }),
    { device: 'box-2', kind: 'status', camera: '', message: { state: 'offline' } },
    health('box-2', ['21', '22'])
  ]
  for (const room of ['11', '12', '17']) {
    const references = room === '11' ? [taken] : []
    told.push({ ...reference, camera: `room-${room}`, message: { available: true, zones: [], references } })
  }
  for (const heard of told) page.heard(heard)
}
