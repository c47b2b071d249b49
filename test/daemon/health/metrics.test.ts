import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AlarmMessage } from '../../../src/contract/messages.js'
import { packageRoot } from '../../../src/core/version.js'
import { LatencyWindow, Metrics } from '../../../src/daemon/health/metrics.js'
import { alarm } from '../../stages/mqtt/rig.js'
import { epochMs } from '../../support/moments.js'

const windowOf = (values: readonly number[], capacity?: number): LatencyWindow => {
  const window = new LatencyWindow(capacity)
  for (const value of values) window.add(value)
  return window
}
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

describe('a percentile', () => {
  it.each([
    [10, 0.5, 6],
    [7, 0.5, 4],
    [7, 0.95, 7],
    [100, 0.95, 96],
    [99, 0.95, 95],
    [3, 0, 1],
    [3, 1, 3],
    [1, 0.95, 1]
  ])('of the numbers from 1 to %i at the share %f is %i', (count, share, expected) => {
    expect(windowOf(upTo(count).reverse()).percentile(share)).toBe(expected)
  })

  it('is the smallest value with more than the given share of values at or below it, as counted one by one', () => {
    const sizes = { capacity: fc.integer({ min: 1, max: 12 }), values: fc.array(fc.nat(20), { minLength: 1 }) }
    fc.assert(
      fc.property(fc.record({ ...sizes, quarters: fc.nat(4) }), ({ capacity, values, quarters }) => {
        const share = quarters / 4
        const last = values.slice(-capacity)
        const counted = upTo(20)
          .concat(0)
          .sort((a, b) => a - b)
          .find((value) => last.filter((other) => other <= value).length > share * last.length)
        expect(windowOf(values, capacity).percentile(share)).toBe(counted ?? Math.max(...last))
      })
    )
  })

  it('is null without values, and covers the last thousand values', () => {
    expect(new LatencyWindow().percentile(0.5)).toBeNull()
    const window = windowOf([...upTo(1000).map(() => 7), ...upTo(999).map(() => 3)])
    expect(window.percentile(1)).toBe(7)
    expect(window.count).toBe(1999)
    window.add(3)
    expect(window.percentile(1)).toBe(3)
  })
})

const at = Date.parse('2026-01-01T00:00:00.000Z')
const start = { ...alarm('a', 0), updated: new Date(at).toISOString() }

/** The metrics of a daemon without cameras. */
function measure(): Metrics {
  const metrics = new Metrics()
  metrics.read({
    cameras: () => [],
    faces: () => [],
    outbox: () => ({ depth: 0, inMemory: 0, works: true, trouble: null, expired: 0, evicted: 0, refused: 0 }),
    mqtt: () => ({ connected: false, connections: 0 }),
    workers: () => ({}),
    loopP99Ms: () => 0,
    publishP95Ms: () => metrics.publishing.percentile(0.95),
    live: () => true,
    ready: () => true
  })
  return metrics
}

const lines = async (metrics: Metrics): Promise<string[]> => {
  const { text } = await metrics.text()
  return text.split('\n').filter((line) => line.startsWith('painlens_capture_to_publish'))
}

it('the metric of the time from a frame to the broker counts starts of pain alarms that are not late', async () => {
  const metrics = measure()
  expect(await lines(metrics)).not.toContainEqual(expect.stringContaining('p95'))
  for (let i = 1; i <= 20; i++) metrics.delivered(start, epochMs(at + 40 * i))
  const technical = {
    type: 'technical',
    condition: 'camera_lost',
    score: null,
    threshold: null,
    confirmed: null
  } as const
  const others = [{ ...start, late: true }, alarm('a', 1), alarm('a', 2, 'end'), { ...start, ...technical }]
  for (const other of others) metrics.delivered(other, epochMs(at + 60_000))
  const told = await lines(metrics)
  expect(told).toContain('painlens_capture_to_publish_p95_seconds 0.8')
  expect(told).toContain('painlens_capture_to_publish_seconds_count 20')
  expect(told).toContain('painlens_capture_to_publish_seconds_bucket{le="0.5"} 12')
  expect(metrics.publishing.count).toBe(20)
})

it('an alarm of a damaged outbox, which does not say when it was written, is not counted and fails nothing', () => {
  const metrics = new Metrics()
  const { updated: _, late: __, ...damaged } = alarm('a', 0)
  metrics.delivered(damaged as AlarmMessage, epochMs(Date.now()))
  expect(metrics.publishing.count).toBe(0)
})

describe('the table of metrics in docs/operate/supervision.md', () => {
  /** `_ok` behind `painlens_camera_fps` stands for `painlens_camera_ok`. */
  function namesIn(page: string): string[] {
    const cells = [...page.matchAll(/^\| (`(?:painlens|_)[^|]*) \|/gm)].map(([, cell = '']) => cell)
    return cells.flatMap((cell) => {
      const names = [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)
      return names.map((name) => (name.startsWith('_') ? `painlens_camera${name}` : name))
    })
  }

  it('names exactly the metrics that a scrape has', async () => {
    const page = readFileSync(join(packageRoot, 'docs/operate/supervision.md'), 'utf8')
    const { text } = await measure().text()
    const scraped = [...text.matchAll(/^# HELP (painlens_\w+) /gm)].map(([, name]) => name)
    expect(scraped.length).toBeGreaterThan(15)
    expect(namesIn(page).sort()).toEqual(scraped.sort())
  })
})
