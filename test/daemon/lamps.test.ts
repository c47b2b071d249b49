import { describe, expect, it } from 'vitest'
import { lampsOf, type Trouble } from '../../src/daemon/wiring/lamps.js'
import { WayTest } from '../../src/daemon/wiring/way.js'
import type { WayAnswer } from '../../src/page/index.js'
import { health } from '../page/rig.js'

/** A test of the way whose clock and broker a test moves. */
function setUp() {
  let now = Date.UTC(2026, 0, 1)
  const way = new WayTest({
    listen: () => ({ ready: Promise.resolve(), stop: async () => undefined }),
    raise: async () => 'a',
    now: () => new Date(now).toISOString()
  })
  const pass = (seconds: number): void => {
    now += seconds * 1000
  }
  return { way, pass }
}

const seen = (changes: { way?: WayAnswer | null; troubles?: Trouble[] }) =>
  lampsOf({
    ...{ health: health({ bed: {} }), troubles: [], way: null, broker: 'mqtt://h', version: '1' },
    ...changes
  })
const lampOf = (what: string, changes: Parameters<typeof seen>[0]) => seen(changes).find((lamp) => lamp.what === what)

describe('a test alarm that the broker confirms and does not give back', () => {
  it('is told after 10 s, by the test and by a lamp with the code', async () => {
    const { way, pass } = setUp()
    await way.start('bed', 'T.')
    pass(60)
    expect(way.state()).toMatchObject({ confirmed: null, notBack: false })
    way.delivered({ alarm_id: 'a' })
    pass(10)
    expect(way.state()).toMatchObject({ notBack: false })
    expect(lampOf('alarms come back', { way: way.state() })).toBeUndefined()
    pass(1)
    expect(way.state()).toMatchObject({ back: null, notBack: true })
    expect(lampOf('alarms come back', { way: way.state() })).toMatchObject({
      state: 'warn',
      code: 'PL-BROKER-NO-READ',
      found: expect.stringContaining('did not come back')
    })
    way.alarm({ alarm_id: 'a', ack: null, phase: 'end' })
    pass(3600)
    expect(way.state()).toMatchObject({ notBack: true })
    await way.stop()
  })

  it('is told with its reason where the broker refuses the subscription', async () => {
    const way = new WayTest({
      listen: () => ({ ready: Promise.reject(new Error('the broker refuses it')), stop: async () => undefined }),
      raise: async () => 'a',
      now: () => new Date(0).toISOString()
    })
    await way.start('bed', 'T.')
    expect(lampOf('alarms come back', { way: way.state() })?.found).toContain('the broker refuses it')
    await way.stop()
  })
})

describe('the lamp of a camera', () => {
  it('is yellow while a technical alarm is about what it sees', () => {
    const text = 'Box overloaded'
    const troubles = [{ condition: 'overloaded', camera: 'bed', text, code: null }]
    expect(lampOf('camera bed', { troubles })).toMatchObject({ state: 'warn', found: text })
    expect(lampOf('camera bed', {})).toMatchObject({ state: 'ok' })
  })
})
