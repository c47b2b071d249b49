import { expect, it } from 'vitest'
import { Metrics } from '../../../src/daemon/health/metrics.js'
import { alarm } from '../../stages/mqtt/rig.js'
import { epochMs } from '../../support/moments.js'

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
  const technical = { type: 'technical', condition: 'camera_lost', score: null, threshold: null } as const
  const others = [{ ...start, late: true }, alarm('a', 1), alarm('a', 2, 'end'), { ...start, ...technical }]
  for (const other of others) metrics.delivered(other, epochMs(at + 60_000))
  const told = await lines(metrics)
  expect(told).toContain('painlens_capture_to_publish_p95_seconds 0.8')
  expect(told).toContain('painlens_capture_to_publish_seconds_count 20')
  expect(told).toContain('painlens_capture_to_publish_seconds_bucket{le="0.5"} 12')
  expect(metrics.publishing.count).toBe(20)
})
