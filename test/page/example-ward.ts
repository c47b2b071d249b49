/** A ward with a room in every state, for the tests of the screens and for their pictures. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/core/version.js'
import type { HistoryEntry } from '../../src/page/history.js'
import type { PageStage } from '../../src/page/index.js'
import { explanation } from '../stages/mqtt/rig.js'
import { cameraState, health, heard, painAlarm, reference, room, status, technicalAlarm } from './rig.js'

/** Any PNG. */
const heatmap = readFileSync(join(packageRoot, 'docs/demo.png')).subarray(0, 300_000).toString('base64')
const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString()

export function fillWard(page: PageStage): void {
  const numbers = ['11', '12', '13', '14', '15', '16', '17', '18']
  const cameras = Object.fromEntries(numbers.map((number) => [`room-${number}`, { location: room(number) }]))
  const empty = { ...cameras, 'room-14': { location: room('14'), face_at: ago(600) } }
  page.heard(status('box-1'))
  page.heard(heard('box-1', 'health', health(empty, { demonstration: true })))
  for (const number of numbers) page.heard(cameraState('box-1', `room-${number}`, 'ok'))
  page.heard(reference('box-1', 'room-11', { references: [{ by: 'Pfleger M.', since: ago(200_000) }] }))
  page.heard(reference('box-1', 'room-12'))
  const left = { zone: 'left', suspended: true }
  page.heard(reference('box-1', 'room-17', { zones: ['left', 'right'], references: [left] }))
  page.heard(cameraState('box-1', 'room-13', 'dark'))
  page.heard(cameraState('box-1', 'room-16', 'paused', ago(-600)))
  const pain = { en: 'Pain suspected, room 12, bed A', de: 'Verdacht auf Schmerz, Zimmer 12, Bett A' }
  page.heard(heard('box-1', 'alarm', painAlarm('pain-12', 0, 'room-12', { text: pain, onset: ago(41) })))
  page.heard(heard('box-1', 'explanation', { ...explanation, alarm_id: 'pain-12', heatmap }))
  const camera = { en: 'Camera picture dark, room 13, bed A', de: 'Kamerabild dunkel, Zimmer 13, Bett A' }
  const seen = { by: 'Pfleger M.', kind: 'seen', at: ago(500) }
  const dark = technicalAlarm('dark-13', 'camera_dark', 'room-13', { text: camera, ack: seen, onset: ago(612) })
  page.heard(heard('box-1', 'alarm', dark))
  const over = {
    en: 'Pain suspected, room 15, bed A: alarm ended, face out of sight',
    de: 'Verdacht auf Schmerz, Zimmer 15, Bett A: Alarm beendet, Gesicht nicht mehr im Bild'
  }
  const times = { onset: ago(1500), updated: ago(1440) }
  page.heard(heard('box-1', 'alarm', painAlarm('pain-15', 5, 'room-15', { text: over, phase: 'end', ...times })))
  page.heard(status('box-2', 'offline'))
  page.heard(cameraState('box-2', 'room-21', 'ok'))
  page.heard(cameraState('box-2', 'room-22', 'ok'))
  page.heard(
    heard('box-2', 'health', health({ 'room-21': { location: room('21') }, 'room-22': { location: room('22') } }))
  )
}

const hour = 3_600_000

/** The history of the night before the present one, in UTC: two rooms, an alarm, and an hour in which painlens was off. */
export function writeNight(folder: string): void {
  const today = new Date(Date.now() - 12 * hour)
  const noon = Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate() - 1, 12)
  const room = (hours: number, number: string, lamp: 'watched' | 'no_face' | 'paused'): HistoryEntry => ({
    ...{ at: noon + hours * hour, kind: 'room', device: 'box-1', camera: `room-${number}` },
    ...{ ward: '2', room: number, bed: 'A', lamp, why: null }
  })
  const about = { device: 'box-1', id: 'p' }
  const text = { en: 'Pain suspected, room 12', de: 'Verdacht auf Schmerz, Zimmer 12' }
  const alarm = { ...about, camera: 'room-12', physiological: true, test: false, priority: 'high', text } as const
  const told: HistoryEntry[] = [
    { at: noon, kind: 'whole', after: true },
    room(0, '12', 'watched'),
    room(0, '13', 'no_face'),
    { at: noon + 7 * hour, kind: 'whole', after: true },
    room(7, '12', 'watched'),
    room(7, '13', 'no_face'),
    { at: noon + 8 * hour, kind: 'alarm', onset: noon + 8 * hour, ...alarm },
    { at: noon + 8.2 * hour, kind: 'ack', ...about, by: 'K.', as: 'coming', acked: noon + 8.2 * hour },
    { at: noon + 8.5 * hour, kind: 'end', ...about, ended: noon + 8.5 * hour },
    room(9, '12', 'paused'),
    { at: noon + 9 * hour, kind: 'deed', what: 'pause', device: 'box-1', camera: 'room-12', by: 'K.', minutes: 60 },
    room(10, '12', 'watched')
  ]
  // A line each minute but while it was off.
  const beats = Array.from({ length: 10 * 60 + 1 }, (_, i): HistoryEntry => ({ at: noon + i * 60_000, kind: 'beat' }))
  const isOff = (at: number): boolean => at > noon + 6 * hour && at < noon + 7 * hour
  const lines = [...told, ...beats].filter(({ at }) => !isOff(at)).sort((a, b) => a.at - b.at)
  mkdirSync(join(folder, 'history'), { recursive: true })
  const name = `${new Date(noon).toISOString().slice(0, 10)}.jsonl`
  writeFileSync(join(folder, 'history', name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

/** That night, as a table. */
export const nightRows = {
  en: [
    '12:00 – 18:00 Room 13, Bed A no face in the picture',
    '18:00 – 19:00 Room 12, Bed A unknown: not recorded',
    '18:00 – 19:00 Room 13, Bed A unknown: not recorded',
    '19:00 – 22:00 Room 13, Bed A no face in the picture',
    '20:00 – 20:30 Room 12, Bed A Alarm HIGH: Pain suspected, room 12 · K.: I am coming, 20:12',
    '21:00 – 22:00 Room 12, Bed A paused for care',
    '21:00 Room 12, Bed A K. paused it for 60 min',
    '22:00 – 12:00 Room 12, Bed A unknown: not recorded',
    '22:00 – 12:00 Room 13, Bed A unknown: not recorded'
  ],
  de: [
    '12:00 – 18:00 Zimmer 13, Bett A kein Gesicht im Bild',
    '18:00 – 19:00 Zimmer 12, Bett A unbekannt: nicht aufgezeichnet',
    '18:00 – 19:00 Zimmer 13, Bett A unbekannt: nicht aufgezeichnet',
    '19:00 – 22:00 Zimmer 13, Bett A kein Gesicht im Bild',
    '20:00 – 20:30 Zimmer 12, Bett A Alarm HOCH: Verdacht auf Schmerz, Zimmer 12 · K.: Ich komme, 20:12',
    '21:00 – 22:00 Zimmer 12, Bett A Pause für Pflege',
    '21:00 Zimmer 12, Bett A K. hat für 60 min pausiert',
    '22:00 – 12:00 Zimmer 12, Bett A unbekannt: nicht aufgezeichnet',
    '22:00 – 12:00 Zimmer 13, Bett A unbekannt: nicht aufgezeichnet'
  ]
}
