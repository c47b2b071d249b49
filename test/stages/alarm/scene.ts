import type { AlarmMessage } from '../../../src/contract/messages.js'
import { type AlarmRules, createAlarms, type Observation } from '../../../src/stages/alarm/index.js'
import { alarmDefaults } from '../../support/alarm-defaults.js'
import { clockOf, moment } from '../../support/moments.js'

export const t0 = Date.UTC(2026, 0, 1)
export const box = { x: 600, y: 300, width: 100, height: 120 }
export const frameMs = 200

/** @param score null: the face is seen and cannot be judged */
type Face = Partial<Observation> & { score: number | null }

/** The alarms of one camera; time passes with its frames, five a second unless told otherwise. */
export function openScene(rules: Partial<AlarmRules> = {}) {
  let now = t0
  let id = 0
  const alarms = createAlarms({
    cameras: {},
    facility: null,
    rules: { ...alarmDefaults.rules, ...rules },
    priorities: alarmDefaults.priorities,
    model: null,
    clock: clockOf(() => now),
    newId: () => `id${id++}`
  })
  const said: AlarmMessage[] = []
  /** All of these faces in each frame. */
  const see = (seconds: number, faces: Face | readonly Face[], everyMs = frameMs) => {
    for (let frames = Math.round((seconds * 1000) / everyMs); frames > 0; frames--) {
      for (const face of [faces].flat())
        said.push(...alarms.observe({ camera: 'a', track: 1, at: moment(now), box, ...face }).alarms)
      said.push(...alarms.tick(moment(now)))
      now += everyMs
    }
  }
  /** No face is seen. */
  const wait = (seconds: number) => {
    for (const until = now + seconds * 1000; now < until; now += frameMs) said.push(...alarms.tick(moment(now)))
  }
  return { alarms, said, see, wait, at: () => moment(now) }
}

/** `start id0`, `cleared id0` … */
export const course = (said: readonly AlarmMessage[]) =>
  said.filter(({ phase }) => phase !== 'update').map(({ phase, reason, alarm_id }) => `${reason ?? phase} ${alarm_id}`)
