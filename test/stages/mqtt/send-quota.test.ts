import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Rank } from '../../../src/contract/topics.js'
import { NotSent } from '../../../src/core/errors.js'
import { receiveMaximum, SendQuota } from '../../../src/stages/mqtt/connection.js'

const ranks: readonly Rank[] = ['alarm', 'status', 'other', 'explanation']

/** Takes of a quota, and what became of each. */
function takerOf(quota: SendQuota) {
  const going: { rank: Rank; number: number; release: () => void }[] = []
  const waiting: { rank: Rank; number: number }[] = []
  const failed: unknown[] = []
  let count = 0
  const take = (rank: Rank) => {
    const one = { rank, number: count++ }
    waiting.push(one)
    const leave = () => waiting.splice(waiting.indexOf(one), 1)
    quota.take(rank).then(
      (release) => {
        leave()
        going.push({ ...one, release })
      },
      (error: unknown) => {
        leave()
        failed.push(error)
      }
    )
  }
  return { going, waiting, failed, take }
}
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('the Receive Maximum', () => {
  test('is what the broker announces, 65535 where it does not, and 10 with MQTT 3.1.1, which cannot', () => {
    expect([receiveMaximum(5, 20), receiveMaximum(5, undefined), receiveMaximum(4, undefined)]).toEqual([
      20, 65_535, 10
    ])
    expect(receiveMaximum(5, 0)).toBe(1)
  })
})

type Taker = ReturnType<typeof takerOf>
const isAlarm = ({ rank }: { rank: Rank }) => rank === 'alarm'
const isOther = ({ rank }: { rank: Rank }) => rank !== 'alarm'

/** No more than the limit goes, half of it, rounded up, being the alarms', and nothing waits while its share has room. */
function holdToShares(limit: number, { going, waiting }: Taker): void {
  expect(going.length).toBeLessThanOrEqual(limit)
  if (limit === 1) {
    expect(going.length).toBeGreaterThanOrEqual(Math.min(1, waiting.length))
    return
  }
  const others = going.filter(isOther).length
  const most = Math.floor(limit / 2)
  expect(others).toBeLessThanOrEqual(most)
  if (waiting.some(isAlarm)) expect(going.length - others).toBe(limit - most)
  if (waiting.some(isOther)) expect(others).toBe(most)
}

/** Of those that waited for the same share the one that goes is of the best rank, and of that the first. */
function holdToRanks(limit: number, went: { rank: Rank; number: number }, { waiting }: Taker): void {
  for (const other of waiting.filter((one) => limit === 1 || isAlarm(one) === isAlarm(went))) {
    expect(ranks.indexOf(went.rank) - ranks.indexOf(other.rank) || went.number - other.number).toBeLessThan(0)
  }
}

describe('the send quota', () => {
  test('never lets more go than the limit, keeps half for alarms, wastes none of a share, and goes by rank', async () => {
    const step = fc.oneof(fc.constantFrom(...ranks), fc.nat(20))
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 80 }), async (limit, steps) => {
        const taker = takerOf(new SendQuota(limit))
        for (const what of steps) {
          if (typeof what === 'string') taker.take(what)
          else if (taker.going.length > 0) {
            const [ended] = taker.going.splice(what % taker.going.length, 1)
            const before = taker.going.length
            ended!.release()
            await settled()
            for (const went of taker.going.slice(before)) holdToRanks(limit, went, taker)
          }
          await settled()
          holdToShares(limit, taker)
        }
      }),
      { numRuns: 200 }
    )
  })

  test('fails what waits when it is given up, and lets the next one go in its place', async () => {
    const quota = new SendQuota(1)
    const { going, waiting, failed, take } = takerOf(quota)
    for (const rank of ['other', 'alarm', 'explanation'] as const) take(rank)
    await settled()
    quota.giveUp('stopping')
    take('status')
    await settled()
    expect([going.length, waiting.length, failed]).toEqual([1, 1, [new NotSent('stopping'), new NotSent('stopping')]])
    going[0]!.release()
    await settled()
    expect(going.map(({ rank }) => rank)).toEqual(['other', 'status'])
  })

  test('lets nothing go once it is closed, and says why', async () => {
    const quota = new SendQuota(1)
    const { going, failed, take } = takerOf(quota)
    take('alarm')
    take('alarm')
    await settled()
    quota.close('cut')
    quota.close('lost')
    take('status')
    going[0]!.release()
    await settled()
    expect(going).toHaveLength(1)
    expect(failed).toEqual([new NotSent('cut'), new NotSent('cut')])
  })
})
