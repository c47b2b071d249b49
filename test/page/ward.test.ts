import { describe, expect, it } from 'vitest'
import type { Moment } from '../../src/core/clock.js'
import { cameraStates } from '../../src/core/types.js'
import { Ward } from '../../src/page/ward.js'
import type { AlarmRow, BoxRow, RoomRow } from '../../src/page/wire.js'
import { explanation } from '../stages/mqtt/rig.js'
import { cameraState, health, heard, painAlarm, room, status, technicalAlarm } from './rig.js'

let now = 0

/** Two boxes with a camera each, both well. */
function twoBoxes(heatmaps = true): Ward {
  now = Date.parse('2026-01-01T00:00:00Z')
  const ward = new Ward({ devices: ['own', 'other'], heatmaps, clock: { now: () => now as Moment } })
  for (const device of ['own', 'other']) {
    ward.take(status(device))
    ward.take(heard(device, 'health', health({ bed: { location: room('12') } }, { now })))
    ward.take(cameraState(device, 'bed', 'ok'))
  }
  return ward
}

const lamp = (ward: Ward, device = 'own') => {
  const { lamp, why } = ward.rows().get(`room/${device}/bed`) as RoomRow
  return why ? `${lamp}: ${why}` : lamp
}
const alarms = (ward: Ward) => [...ward.rows().values()].filter((row): row is AlarmRow => row.kind === 'alarm')

describe('a lamp', () => {
  it('of each state of a camera is watched only where pictures are good', () => {
    const ward = twoBoxes()
    const lamps = cameraStates.map((state) => {
      ward.take(cameraState('own', 'bed', state))
      return [state, lamp(ward)]
    })
    expect(Object.fromEntries(lamps)).toEqual({
      ok: 'watched',
      connecting: 'unknown: connecting',
      lost: 'unknown: lost',
      frozen: 'unknown: frozen',
      dark: 'unknown: dark',
      damaged: 'unknown: damaged',
      paused: 'paused'
    })
  })

  it('of a dead box is unknown, though its retained camera state says ok', () => {
    const ward = twoBoxes()
    ward.take(status('other', 'offline'))
    ward.take(cameraState('other', 'bed', 'ok'))
    expect([lamp(ward, 'other'), lamp(ward)]).toEqual(['unknown: box_off', 'watched'])
    ward.take(status('other'))
    expect(lamp(ward, 'other')).toBe('watched')
  })

  it('of another box is unknown while the broker is away, and of the own box is not', () => {
    const ward = twoBoxes()
    ward.linked({ broker: false, others: false, unreadable: new Set() })
    expect([lamp(ward, 'other'), lamp(ward)]).toEqual(['unknown: broker_away', 'watched'])
    expect((ward.rows().get('box/own') as BoxRow).broker).toBe(false)
  })

  it('of a box that is silent for 100 s is unknown', () => {
    const ward = twoBoxes()
    now += 100_001
    expect(lamp(ward, 'other')).toBe('unknown: box_silent')
  })

  it('of a box whose topics the broker refuses is unknown, and those of other boxes are not', () => {
    const ward = twoBoxes()
    ward.linked({ broker: true, others: true, unreadable: new Set(['other']) })
    expect([lamp(ward, 'other'), lamp(ward)]).toEqual(['unknown: alarms_unheard', 'watched'])
    ward.linked({ broker: true, others: true, unreadable: new Set() })
    expect(lamp(ward, 'other')).toBe('watched')
  })

  it('of a box that has active alarms of which none is heard is unknown after 15 s, until one is heard or none is active', () => {
    const ward = twoBoxes()
    const tell = (activeAlarms: number) =>
      ward.take(heard('other', 'health', health({ bed: {} }, { now, activeAlarms })))
    const unheard = 'unknown: alarms_unheard'
    tell(1)
    now += 15_000
    expect(lamp(ward, 'other')).toBe('watched')
    tell(2)
    now += 1
    expect([lamp(ward, 'other'), lamp(ward)]).toEqual([unheard, 'watched'])
    tell(0)
    expect(lamp(ward, 'other')).toBe('watched')
    tell(1)
    now += 15_001
    expect(lamp(ward, 'other')).toBe(unheard)
    ward.take(heard('other', 'alarm', painAlarm('p', 0, 'bed')))
    tell(1)
    now += 15_001
    expect(lamp(ward, 'other')).toBe('pain')
  })

  it('says that there is no face after 30 s without one', () => {
    const ward = twoBoxes()
    const faceAt = new Date(now).toISOString()
    const later = (ms: number) => heard('own', 'health', health({ bed: { face_at: faceAt } }, { now: now + ms }))
    ward.take(later(30_000))
    expect(lamp(ward)).toBe('watched')
    ward.take(later(30_001))
    expect(lamp(ward)).toBe('no_face')
    ward.take(heard('own', 'health', health({ bed: { face_at: null } }, { now })))
    expect(lamp(ward)).toBe('no_face')
  })

  it('shows suspected pain from the start of the alarm to its end', () => {
    const ward = twoBoxes()
    ward.take(heard('own', 'alarm', painAlarm('p', 0, 'bed')))
    expect(lamp(ward)).toBe('pain')
    ward.take(heard('own', 'alarm', painAlarm('p', 1, 'bed', { phase: 'end' })))
    expect(lamp(ward)).toBe('watched')
  })

  it("of a camera's own alarm does not show pain", () => {
    const ward = twoBoxes()
    ward.take(heard('own', 'alarm', technicalAlarm('t', 'camera_dark', 'bed')))
    expect(lamp(ward)).toBe('watched')
    expect(alarms(ward)).toMatchObject([{ physiological: false }])
  })

  it('is unknown while faces cannot be judged, and in every room while the model fails', () => {
    const ward = twoBoxes()
    ward.take(heard('own', 'alarm', technicalAlarm('f', 'face_unusable', 'bed')))
    expect(lamp(ward)).toBe('unknown: face_unusable')
    ward.take(heard('own', 'alarm', technicalAlarm('i', 'inference_failed', null)))
    expect(lamp(ward)).toBe('unknown: inference_failed')
    expect(lamp(ward, 'other')).toBe('watched')
  })

  it('is gone with its camera', () => {
    const ward = twoBoxes()
    ward.take(heard('own', 'cameraState', null, 'bed'))
    expect(ward.rows().has('room/own/bed')).toBe(false)
    ward.take(heard('other', 'health', health({})))
    expect(ward.rows().has('room/other/bed')).toBe(false)
  })

  it('has the place that the health of its box names', () => {
    expect(twoBoxes().rows().get('room/own/bed')).toMatchObject({ ward: '2', room: '12', bed: 'A' })
  })
})

describe('an open alarm', () => {
  it('that has ended stays until it is acknowledged', () => {
    const ward = twoBoxes()
    ward.take(heard('own', 'alarm', painAlarm('p', 0, 'bed')))
    ward.take(heard('own', 'alarm', painAlarm('p', 1, 'bed', { phase: 'end' })))
    expect(alarms(ward)).toMatchObject([{ id: 'p', ended: expect.any(String), ack: null }])
    const ack = { by: 'K', at: new Date().toISOString(), kind: 'seen', after_end: true } as const
    ward.take(heard('own', 'acknowledgement', { alarm_id: 'another', ...ack }))
    expect(alarms(ward)).toHaveLength(1)
    ward.take(heard('own', 'acknowledgement', { alarm_id: 'p', ...ack }))
    expect(alarms(ward)).toEqual([])
  })

  it('that was acknowledged is gone with its end, and no late message brings it back', () => {
    const ward = twoBoxes()
    const ack = { by: 'K', at: new Date().toISOString(), kind: 'coming' } as const
    ward.take(heard('own', 'alarm', painAlarm('p', 0, 'bed')))
    ward.take(heard('own', 'alarm', painAlarm('p', 1, 'bed', { phase: 'update', ack })))
    expect(alarms(ward)).toMatchObject([{ ack, ended: null }])
    ward.take(heard('own', 'alarm', painAlarm('p', 2, 'bed', { phase: 'end', ack })))
    ward.take(heard('own', 'alarm', painAlarm('p', 1, 'bed', { phase: 'update', ack })))
    expect(alarms(ward)).toEqual([])
  })

  it('takes the explanation whichever comes first, and its picture only where that is allowed', () => {
    for (const heatmaps of [true, false]) {
      const ward = twoBoxes(heatmaps)
      const why = { ...explanation, heatmap: Buffer.from('png').toString('base64') }
      ward.take(heard('own', 'explanation', { ...why, alarm_id: 'early' }))
      ward.take(heard('own', 'alarm', painAlarm('early', 0, 'bed')))
      ward.take(heard('own', 'alarm', painAlarm('late', 0, 'bed')))
      ward.take(heard('own', 'explanation', { ...why, alarm_id: 'late' }))
      expect(alarms(ward)).toMatchObject([
        { why: explanation.text, heatmap: heatmaps },
        { why: explanation.text, heatmap: heatmaps }
      ])
      expect(ward.heatmap('own', 'early')?.toString()).toBe(heatmaps ? 'png' : undefined)
    }
  })

  it('of a box that raises thousands leaves the memory bounded, and the active ones in place', () => {
    const ward = twoBoxes()
    ward.take(heard('own', 'alarm', painAlarm('active', 0, 'bed')))
    for (let i = 0; i < 5000; i++) {
      ward.take(heard('own', 'alarm', painAlarm(`p${i}`, 0, 'bed', { phase: 'end' })))
      ward.take(heard('own', 'explanation', { ...explanation, alarm_id: `never-${i}` }))
      ward.take(cameraState('own', `camera-${i}`, 'ok'))
    }
    expect(alarms(ward)).toHaveLength(200)
    expect(alarms(ward).some(({ id }) => id === 'active')).toBe(true)
    expect([...ward.rows().keys()].filter((key) => key.startsWith('room/own/'))).toHaveLength(64)
  })

  it('of a box that is not of the ward is not shown', () => {
    const ward = twoBoxes()
    ward.take(heard('stranger', 'alarm', painAlarm('p', 0, 'bed')))
    expect(alarms(ward)).toEqual([])
  })
})
