/** A ward for the page: boxes with cameras, told by the messages of the contract. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { AlarmMessage, BedReference, HealthMessage } from '../../src/contract/messages.js'
import type { Payloads } from '../../src/contract/topics.js'
import { systemClock } from '../../src/core/clock.js'
import { silentLog } from '../../src/core/log.js'
import type { CameraState } from '../../src/core/types.js'
import {
  type Heard,
  type HeardKind,
  type PageActions,
  type PageOptions,
  type PageStage,
  startPage
} from '../../src/page/index.js'
import { alarm } from '../stages/mqtt/rig.js'

export const tokens = { ward: 'ward-token-0123456789', technician: 'technician-token-01234' }

export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'painlens-page-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

export const heard = <K extends HeardKind>(device: string, kind: K, message: Payloads[K] | null, camera = ''): Heard =>
  // The kind says which message it is.
  ({ device, kind, camera, message }) as Heard

export const status = (device: string, state: 'online' | 'offline' = 'online'): Heard =>
  heard(device, 'status', { state, session: 's', version: '1', at: new Date().toISOString() })

export const cameraState = (device: string, camera: string, state: CameraState, until?: string): Heard =>
  heard(device, 'cameraState', { state, since: new Date().toISOString(), ...(until && { until }) }, camera)

/** What a box says of a camera's resting faces: there may be some, and this one is in use. */
export const reference = (
  device: string,
  camera: string,
  { zones = [] as string[], references = [] as Partial<BedReference>[], available = true } = {}
): Heard => {
  const fresh = { zone: null, since: new Date().toISOString(), by: 'nurse 7', suspended: false, expired: false }
  const told = references.map((one) => ({ ...fresh, ...one }))
  return heard(device, 'cameraReference', { available, zones, references: told }, camera)
}

type CameraHealth = HealthMessage['cameras'][string]
export type CameraSketch = Partial<Pick<CameraHealth, 'state' | 'face_at' | 'location'>>

/** @param cameras what differs from a camera that watches a face now */
export function health(
  cameras: Record<string, CameraSketch>,
  { demonstration = false, now = Date.now(), activeAlarms = 0 } = {}
) {
  const at = new Date(now).toISOString()
  const watched: CameraHealth = {
    state: 'ok',
    fps: 5,
    frames: 100,
    dropped: 0,
    damaged: 0,
    last_frame: at,
    location: { ward: null, room: null, bed: null },
    face_at: at,
    usable_face_at: at,
    usable_share: 1,
    judged_every_s: 0.2,
    problem: null,
    code: null,
    decoder: 'software',
    decoder_problem: null,
    shape: null
  }
  const message: HealthMessage = {
    at,
    uptime_s: 60,
    cameras: Object.fromEntries(Object.entries(cameras).map(([id, sketch]) => [id, { ...watched, ...sketch }])),
    active_alarms: activeAlarms,
    latency_ms: { p50: 100, p95: 150 },
    publish_ms: { p50: 100, p95: 150, alarms: 1 },
    event_loop_ms: { p99: 10 },
    outbox: { depth: 0 },
    problems: [],
    http: null,
    page: null,
    provider: 'cpu',
    precision: { used: 'float32', compared: null, problem: null, code: null },
    model: { name: 'm', sha256: 'ab', demonstration },
    explanation: null
  }
  return message
}

export const room = (number: string, bed: string | null = 'A'): CameraHealth['location'] => ({
  ward: '2',
  room: number,
  bed
})

/** An alarm's message with other fields. */
export const painAlarm = (id: string, seq: number, camera: string, changes: Partial<AlarmMessage> = {}): AlarmMessage =>
  // Changes that fit the phase are the caller's business.
  ({ ...alarm(id, seq, changes.phase), camera, onset: new Date().toISOString(), ...changes }) as AlarmMessage

export const technicalAlarm = (
  id: string,
  condition: string,
  camera: string | null,
  changes: object = {}
): AlarmMessage =>
  painAlarm(id, 0, camera ?? '', {
    ...{ type: 'technical', condition, camera, score: null, threshold: null, model: null, priority: 'medium' },
    ...changes
  } as Partial<AlarmMessage>)

export interface Asked {
  what: keyof PageActions
  args: unknown[]
}

/** A page on a free port, whose actions are written down. */
export async function servePage(
  changes: Partial<PageOptions> = {}
): Promise<{ page: PageStage; url: string; asked: Asked[] }> {
  const asked: Asked[] = []
  const note =
    (what: keyof PageActions) =>
    async (...args: unknown[]): Promise<void> =>
      void asked.push({ what, args })
  const actions: PageActions = {
    ...{ acknowledge: note('acknowledge'), pause: note('pause'), resume: note('resume') },
    ...{ takeReference: note('takeReference'), removeReference: note('removeReference') }
  }
  const page = await startPage({ ...pageDefaults(), actions, ...changes })
  onTestFinished(() => page.stop())
  return { page, url: page.stats().address!, asked }
}

const refuse = (): Promise<never> => Promise.reject(new Error('not in this test'))

/** On a free port of this machine; nothing can be done on it. */
export const pageDefaults = (): PageOptions => ({
  host: '127.0.0.1',
  port: 0,
  tokens,
  device: 'box-1',
  others: ['box-2'],
  folder: folder(),
  historyDays: 14,
  heatmaps: true,
  actions: { acknowledge: refuse, pause: refuse, resume: refuse, takeReference: refuse, removeReference: refuse },
  pictures: null,
  cameras: () => [],
  lamps: () => [],
  way: { state: () => null, start: refuse },
  finder: { state: () => ({ running: false, cameras: null }), start: refuse },
  log: silentLog,
  clock: systemClock
})

/** @returns the cookie of a session */
export async function logIn(url: string, token = tokens.ward, name = 'Schwester K.'): Promise<string> {
  const answer = await post(url, '/api/login', { token, name })
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
  return answer.headers.get('set-cookie')!.split(';')[0]!
}

/** As a browser on the page itself does. */
export const post = (
  url: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {}
): Promise<Response> =>
  fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body)
  })
