/** The resting faces of beds on the page: which rows there are of them, and how one is taken and removed from there. */
import { describe, expect, it } from 'vitest'
import { InputError } from '../../src/core/errors.js'
import { type PageActions, readHeard } from '../../src/page/index.js'
import type { NightAnswer, RoomRow, Row, TakingRow } from '../../src/page/wire.js'
import { until } from '../support/slowness.js'
import {
  cameraState,
  health,
  heard,
  logIn,
  pageDefaults,
  painAlarm,
  post,
  reference,
  room,
  servePage,
  status
} from './rig.js'

/** A page whose box ends a measurement when the test says so. */
async function serveBeds() {
  const asked: unknown[] = []
  const ends: { taken: () => void; refused: (error: Error) => void }[] = []
  const actions: PageActions = {
    ...pageDefaults().actions,
    takeReference: (...args) => {
      asked.push(args)
      return new Promise<void>((taken, refused) => ends.push({ taken, refused }))
    },
    removeReference: async (...args) => void asked.push(args)
  }
  const { page, url } = await servePage({ actions })
  for (const device of ['box-1', 'box-2']) {
    page.heard(status(device))
    page.heard(heard(device, 'health', health({ bed: { location: room('12') }, hall: {} })))
    for (const camera of ['bed', 'hall']) page.heard(cameraState(device, camera, 'ok'))
    page.heard(reference(device, 'bed'))
  }
  page.linked({ broker: true, others: true, unreadable: new Set() })
  const headers = { cookie: await logIn(url) }
  /** All rows, as a browser that comes gets them. */
  const rows = async (): Promise<Record<string, Row>> => {
    const leaving = new AbortController()
    const { body } = await fetch(`${url}/api/events`, { headers, signal: leaving.signal })
    let text = ''
    for await (const chunk of body!) {
      text += Buffer.from(chunk as Uint8Array).toString()
      const whole = /event: rows\ndata: (.*)\n\n/.exec(text)
      if (whole) return (JSON.parse(whole[1]!) as { rows: Record<string, Row> }).rows
    }
    throw new Error('no rows')
  }
  const ask = async (path: string, body: object): Promise<string> => {
    const answer = await post(url, path, body, headers)
    return answer.ok ? 'ok' : ((await answer.json()) as { code: string }).code
  }
  const take = (device = 'box-1', camera = 'bed', zone: string | null = null) =>
    ask('/api/reference', { device, camera, zone })
  const night = async (): Promise<NightAnswer> => {
    const now = Date.now()
    const range = { from: new Date(now - 3_600_000).toISOString(), to: new Date(now + 60_000).toISOString() }
    return (await (await fetch(`${url}/api/night?${new URLSearchParams(range)}`, { headers })).json()) as NightAnswer
  }
  return { page, asked, ends, rows, ask, take, night }
}

const outcomeOf = (rows: Record<string, Row>, key = 'taking/box-1/bed') => (rows[key] as TakingRow | undefined)?.outcome

describe('a resting face on the page', () => {
  it('is in the row of its room with its state, and a room whose box takes none has none', async () => {
    const { page, rows } = await serveBeds()
    page.heard(
      reference('box-1', 'bed', {
        zones: ['left', 'right'],
        references: [
          { zone: 'left', suspended: true },
          { zone: 'right', suspended: true, expired: true }
        ]
      })
    )
    const told = await rows()
    expect((told['room/box-1/bed'] as RoomRow).reference).toMatchObject({
      available: true,
      zones: ['left', 'right'],
      beds: [
        { zone: 'left', by: 'nurse 7', state: 'suspended' },
        { zone: 'right', state: 'expired' }
      ]
    })
    expect((told['room/box-1/hall'] as RoomRow).reference).toBeNull()
    page.heard(heard('box-1', 'cameraReference', null, 'bed'))
    const later = (await rows())['room/box-1/bed'] as RoomRow
    expect([later.lamp, later.reference]).toEqual(['watched', null])
  })

  it('is taken by the name of the login alone, of every box of the ward, and its end is told and recorded', async () => {
    const { asked, ends, rows, take, night } = await serveBeds()
    expect(await take('box-2')).toBe('ok')
    expect(asked).toEqual([['box-2', { camera: 'bed', seconds: 30, by: 'Schwester K.' }]])
    expect(outcomeOf(await rows(), 'taking/box-2/bed')).toBeNull()
    ends[0]!.taken()
    await until(async () => outcomeOf(await rows(), 'taking/box-2/bed') === 'taken', 'that it is taken')
    expect((await night()).deeds).toMatchObject([{ what: 'reference', device: 'box-2', by: 'Schwester K.' }])
  })

  it('is taken once where the button is pressed twice, and can be tried again after a refusal', async () => {
    const { asked, ends, rows, take } = await serveBeds()
    expect(await Promise.all([take(), take()])).toEqual(expect.arrayContaining(['ok', 'PL-REFERENCE-BUSY']))
    expect(asked).toHaveLength(1)
    ends[0]!.refused(new InputError('PL-REFERENCE-PAIN', 'the face \u001b[31mshows pain', 'camera bed'))
    await until(async () => outcomeOf(await rows()), 'the refusal')
    const error = 'the face \\x1b[31mshows pain'
    expect(outcomeOf(await rows())).toEqual({ code: 'PL-REFERENCE-PAIN', error })
    expect(await take()).toBe('ok')
    expect(asked).toHaveLength(2)
  })

  it('is not asked of a box that is off, of a room that is not watched, and where none can be taken', async () => {
    const { page, asked, take } = await serveBeds()
    page.heard(status('box-2', 'offline'))
    expect(await take('box-2')).toBe('PL-REFERENCE-INTERRUPTED')
    for (const state of ['paused', 'lost', 'dark', 'frozen'] as const) {
      page.heard(cameraState('box-1', 'bed', state))
      expect([state, await take()]).toEqual([state, 'PL-REFERENCE-INTERRUPTED'])
    }
    page.heard(cameraState('box-1', 'bed', 'ok'))
    expect(await take('box-1', 'hall')).toBe('PL-REFERENCE-OFF')
    expect(await take('box-1', 'gone')).toBe('PL-PAGE-OTHER-BOX')
    expect(await take('stranger')).toBe('PL-PAGE-OTHER-BOX')
    page.heard(reference('box-1', 'bed', { available: false }))
    expect(await take()).toBe('PL-REFERENCE-NO-RESTING')
    page.heard(reference('box-1', 'bed', { zones: ['left', 'right'] }))
    expect([await take(), await take('box-1', 'bed', 'middle')]).toEqual(['PL-REFERENCE-ZONE', 'PL-REFERENCE-ZONE'])
    expect(asked).toEqual([])
    expect(await take('box-1', 'bed', 'left')).toBe('ok')
    expect(asked).toMatchObject([['box-1', { zone: 'left' }]])
  })

  it('is removed by the name of the login, which is recorded, and how it was taken is told no more', async () => {
    const { asked, ends, rows, ask, take, night } = await serveBeds()
    await take()
    ends[0]!.taken()
    await until(async () => outcomeOf(await rows()) === 'taken', 'that it is taken')
    expect(await ask('/api/reference/remove', { device: 'box-1', camera: 'bed', zone: null })).toBe('ok')
    expect(asked[1]).toEqual(['box-1', { camera: 'bed', by: 'Schwester K.' }])
    expect(outcomeOf(await rows())).toBeUndefined()
    expect((await night()).deeds.map(({ what }) => what)).toEqual(['reference', 'reference_removed'])
  })

  it('is refused to requests without a login, of another shape, or with a name of their own', async () => {
    const { asked, ask } = await serveBeds()
    const body = { device: 'box-1', camera: 'bed', zone: null }
    for (const wrong of [{ ...body, by: 'another' }, { ...body, zone: 7 }, { device: 'box-1', camera: 'bed' }, []])
      for (const path of ['/api/reference', '/api/reference/remove'])
        expect([wrong, await ask(path, wrong)]).toEqual([wrong, 'PL-PAGE-REQUEST'])
    const { url } = await servePage()
    for (const path of ['/api/reference', '/api/reference/remove', '/api/feedback.csv'])
      expect([path, (await post(url, path, body)).status]).toEqual([path, path.endsWith('csv') ? 404 : 401])
    expect(asked).toEqual([])
  })
})

describe('what another box says of resting faces', () => {
  const read = (message: unknown) => readHeard('box-2', 'cameraReference', 'bed', message)?.message
  const one = { zone: null, since: '2026-01-01T00:00:00.000Z', by: 'nurse 7', suspended: false, expired: false }

  it('is read with names that steer nothing, and taken away by an empty message', () => {
    const told = { available: true, zones: ['a'], references: [{ ...one, by: 'K\u202e\u001b[2J' }], more: 1 }
    expect(read(told)).toMatchObject({ references: [{ by: 'K\\u202e\\x1b[2J' }] })
    expect(read(null)).toBeNull()
  })

  it('is not believed where it is of another shape or size', () => {
    const whole = { available: true, zones: [], references: [one] }
    const wrong: unknown[] = [
      {},
      { ...whole, available: 'yes' },
      { ...whole, references: [{ ...one, since: 'never' }] },
      { ...whole, references: Array.from({ length: 80 }, () => one) },
      { ...whole, zones: ['x'.repeat(200)] }
    ]
    for (const message of wrong) expect([message, read(message)]).toEqual([message, undefined])
  })
})

describe('the answers to the alarms of a night', () => {
  it('are counted by room, and begin with the night in which the alarm began', async () => {
    const { page, night } = await serveBeds()
    const onset = new Date(Date.now() - 10_000).toISOString()
    const updated = new Date().toISOString()
    const answers = ['false_alarm', 'false_alarm', 'seen', 'coming', null] as const
    for (const [i, kind] of answers.entries()) {
      const ack = kind && { by: 'K', at: new Date(Date.now() + i).toISOString(), kind }
      page.heard(heard('box-1', 'alarm', painAlarm(`p${i}`, 0, 'bed', { onset })))
      page.heard(heard('box-1', 'alarm', painAlarm(`p${i}`, 1, 'bed', { phase: 'end', ack, onset, updated })))
    }
    page.heard(heard('box-1', 'alarm', painAlarm('before', 0, 'bed', { onset: '2026-01-01T00:00:00.000Z' })))
    const { feedback } = await night()
    expect(feedback).toMatchObject([
      { device: 'box-1', camera: 'bed', room: '12', alarms: 5, false_alarm: 2, seen: 1, unanswered: 2 }
    ])
    expect(feedback[0]!.advice.en).toMatch(/^Too few answers/)
  })
})
