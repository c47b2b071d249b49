import { describe, expect, it } from 'vitest'
import { checkClock } from '../../../src/commands/check/machine.js'
import { clockOf } from '../../support/moments.js'

const clock = clockOf(() => Date.UTC(2026, 5, 1, 12))
const missing = async (): Promise<never> => Promise.reject(new Error('no such program'))

describe('checkClock', () => {
  it('believes the first witness that knows', async () => {
    expect(await checkClock(clock, [missing, async () => null, async () => true, async () => false])).toEqual([
      { state: 'ok', what: 'clock', found: '2026-06-01T12:00:00.000Z, synchronised' }
    ])
    expect(await checkClock(clock, [async () => false])).toMatchObject([
      { state: 'warn', found: expect.stringContaining('not synchronised'), fix: expect.stringContaining('set-ntp') }
    ])
  })

  it('says where it cannot be told whether the clock is synchronised', async () => {
    expect(await checkClock(clock, [missing, async () => null])).toMatchObject([
      { state: 'warn', code: 'PL-CLOCK-UNKNOWN' }
    ])
  })

  it('fails for a clock in 1970 even if it counts as synchronised', async () => {
    expect(
      await checkClock(
        clockOf(() => 1000),
        [async () => true]
      )
    ).toMatchObject([{ state: 'fail', found: expect.stringContaining('1970-01-01') }])
  })

  it('asks the real machine without failing', async () => {
    const [finding] = await checkClock()
    expect(['ok', 'warn']).toContain(finding.state)
  })
})
