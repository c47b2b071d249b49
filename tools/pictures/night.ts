/** The invented night of the pictures, as the page's history has it. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const hour = 3_600_000

/** By room: from which hour after noon on it was how. */
const lamps: Readonly<Record<string, readonly (readonly [hours: number, lamp: string, why?: string])[]>> = {
  '11': [
    [0, 'watched'],
    [6.2, 'paused'],
    [6.5, 'watched'],
    [18.4, 'paused'],
    [18.9, 'no_face']
  ],
  '12': [
    [0, 'no_face'],
    [7.5, 'watched'],
    [10.1, 'pain'],
    [10.3, 'paused'],
    [10.6, 'watched'],
    [15.4, 'pain'],
    [15.5, 'watched']
  ],
  '13': [
    [0, 'watched'],
    [9.5, 'unknown', 'dark'],
    [11.2, 'watched']
  ],
  '14': [
    [0, 'no_face'],
    [8, 'watched'],
    [13, 'unknown', 'face_unusable'],
    [13.6, 'watched'],
    [19, 'no_face']
  ]
}

/** painlens was off then, in hours after noon. */
const off = [16.5, 17.3] as const

const text = { en: 'Pain suspected, room 12, bed A', de: 'Verdacht auf Schmerz, Zimmer 12, Bett A' }
const about = { device: 'box-1', camera: 'room-12' }
const pain = { ...about, physiological: true, test: false, priority: 'high', text }

/** Into the folder of the page's state; of the night before the present one, by the clock of this machine. */
export async function writeNight(folder: string): Promise<void> {
  const now = new Date()
  const date = now.getDate() - (now.getHours() < 12 ? 2 : 1)
  const noon = new Date(now.getFullYear(), now.getMonth(), date, 12).getTime()
  const room = (number: string, [hours, lamp, why]: readonly [number, string, string?]) => {
    const place = { ward: 'Station 2', room: number, bed: 'A' }
    return {
      at: noon + hours * hour,
      kind: 'room',
      device: 'box-1',
      camera: `room-${number}`,
      ...place,
      lamp,
      why: why ?? null
    }
  }
  const rooms = Object.entries(lamps).flatMap(([number, changes]) => changes.map((change) => room(number, change)))
  const again = Object.entries(lamps).map(([number, changes]) =>
    room(number, [off[1], changes.findLast(([hours]) => hours < off[0])![1]])
  )
  const alarm = (id: string, hours: number, by: string, as: string) => [
    { at: noon + hours * hour, kind: 'alarm', id, onset: noon + hours * hour, ...pain },
    { at: noon + (hours + 0.06) * hour, kind: 'ack', ...about, id, by, as, acked: noon + (hours + 0.06) * hour },
    { at: noon + (hours + 0.2) * hour, kind: 'end', ...about, id, ended: noon + (hours + 0.2) * hour }
  ]
  const told = [
    { at: noon, kind: 'whole', after: true },
    { at: noon + off[1] * hour, kind: 'whole', after: true },
    ...[
      ...again,
      ...rooms,
      ...alarm('one', 10.1, 'Schwester K.', 'coming'),
      ...alarm('two', 15.4, 'Pfleger M.', 'seen')
    ],
    { at: noon + 10.3 * hour, kind: 'deed', what: 'pause', ...about, by: 'Schwester K.', minutes: 15 },
    {
      at: noon + 3 * hour,
      kind: 'deed',
      what: 'look',
      device: 'box-1',
      camera: 'room-13',
      by: 'Technik B.',
      minutes: 10
    },
    ...Array.from({ length: 24 * 60 + 1 }, (_, i) => ({ at: noon + i * 60_000, kind: 'beat' }))
  ]
  const isOff = ({ at }: { at: number }): boolean => at > noon + off[0] * hour && at < noon + off[1] * hour
  const lines = told.filter((line) => !isOff(line)).sort((a, b) => a.at - b.at)
  await mkdir(join(folder, 'history'), { recursive: true })
  for (const day of new Set(lines.map(dayOf))) {
    const own = lines.filter((line) => dayOf(line) === day).map((line) => `${JSON.stringify(line)}\n`)
    await writeFile(join(folder, 'history', `${day}.jsonl`), own.join(''))
  }
}

const dayOf = ({ at }: { at: number }): string => new Date(at).toISOString().slice(0, 10)
