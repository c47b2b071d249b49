import { expect, it } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { Supervision } from '../../../src/daemon/health/supervision.js'
import { alarm } from '../../stages/mqtt/rig.js'
import { epochMs } from '../../support/moments.js'

const at = Date.parse('2026-01-01T00:00:00.000Z')
const start = { ...alarm('a', 0), updated: new Date(at).toISOString() }

function supervise() {
  const outbox = { stats: () => ({ depth: 0, expired: 0, evicted: 0, refused: 0 }) }
  const worker = { restarted: 0 }
  return new Supervision({
    parts: () => ({ outbox, detector: worker, classifier: worker }) as never,
    cameras: new Map(),
    mqtt: () => undefined,
    loop: { p99: () => 0, reset: () => undefined, stop: () => undefined },
    log: silentLog
  })
}

const lines = async (supervision: Supervision): Promise<string[]> => {
  const { text } = await supervision.metrics.text()
  return text.split('\n').filter((line) => line.startsWith('painlens_capture_to_publish'))
}

it('the time from a frame to the broker having its alarm is a metric, of alarms that begin and are not late', async () => {
  const supervision = supervise()
  expect(await lines(supervision)).not.toContainEqual(expect.stringContaining('p95'))
  for (let i = 1; i <= 20; i++) supervision.delivered(start, epochMs(at + 40 * i))
  const technical = { type: 'technical', condition: 'camera_lost', score: null, threshold: null } as const
  const others = [{ ...start, late: true }, alarm('a', 1), alarm('a', 2, 'end'), { ...start, ...technical }]
  for (const other of others) supervision.delivered(other, epochMs(at + 60_000))
  const told = await lines(supervision)
  expect(told).toContain('painlens_capture_to_publish_p95_seconds 0.8')
  expect(told).toContain('painlens_capture_to_publish_seconds_count 20')
  expect(told).toContain('painlens_capture_to_publish_seconds_bucket{le="0.5"} 12')
  expect(supervision.publishing.count).toBe(20)
})
