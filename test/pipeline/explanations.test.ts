import { describe, expect, it } from 'vitest'
import { silentLog } from '../../src/core/log.js'
import type { ExplanationMessage } from '../../src/core/messages.js'
import type { Explanation } from '../../src/core/types.js'
import { type ExplainRequest, Explanations, type Seen } from '../../src/pipeline/explanations.js'

const crop = { width: 1, height: 1, data: new Uint8Array(3), landmarks: new Float32Array(136) }

function explanationOf({ camera, at, track, score }: ExplainRequest): Explanation {
  return {
    camera,
    at,
    track,
    target: 'pain',
    probability: score,
    composite: 'lrp.z',
    engine: 'test',
    regions: [{ region: 'brows', positive: 0.34567, negative: 0 }],
    text: { en: 'brows', de: 'Brauen' },
    uncertainty: { classes: { pain: 12.5 }, regions: { brows: 4.2 }, views: 6 },
    heatmap: Uint8Array.of(1, 2, 3),
    relevance: new Float32Array(1),
    crop,
    durationMs: 1
  }
}

function setUp(options: { fails?: boolean; publishHeatmap?: boolean } = {}) {
  const asked: ExplainRequest[] = []
  const published: ExplanationMessage[] = []
  let failures = 0
  const explanations = new Explanations({
    explainer: {
      submit: async (request) => {
        asked.push(request)
        if (options.fails) throw new Error('no memory')
        return explanationOf(request)
      }
    },
    threshold: 0.6,
    publishHeatmap: options.publishHeatmap ?? false,
    publish: (message) => published.push(message),
    onFailure: () => failures++,
    onSuccess: () => undefined,
    log: silentLog
  })
  const see = async (at: number, score: number, alarmId: string | null = null, track = 1) => {
    explanations.consider({ camera: 'bed', track, at, crop, score, alarmId } satisfies Seen)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { asked, published, see, failures: () => failures }
}

describe('Explanations', () => {
  it('explains ahead of the alarm and publishes with it, once', async () => {
    const { asked, published, see } = setUp()
    await see(0, 0.3)
    await see(200, 0.8)
    await see(400, 0.85)
    expect([asked.length, published.length]).toEqual([1, 0])
    await see(2200, 0.82, 'a')
    await see(2400, 0.81, 'a')
    expect(published.map((message) => message.alarm_id)).toEqual(['a'])
    expect(published[0]!.regions).toEqual([{ region: 'brows', positive: 0.346, negative: 0 }])
    expect(published[0]!.uncertainty).toEqual({ classes: { pain: 12.5 }, regions: { brows: 4.2 }, views: 6 })
    expect(published[0]).not.toHaveProperty('heatmap')
  })

  it('explains again when the score has risen well', async () => {
    const { asked, published, see } = setUp({ publishHeatmap: true })
    await see(0, 0.7, 'a')
    await see(200, 0.75, 'a')
    await see(400, 0.81, 'a')
    expect(asked.map((request) => request.score)).toEqual([0.7, 0.81])
    expect(published).toHaveLength(2)
    expect(published[1]!.heatmap).toBe('AQID')
  })

  it('never gives a new alarm an old explanation', async () => {
    const { asked, published, see } = setUp()
    await see(0, 0.9, 'a')
    await see(200, 0.1, null)
    await see(9000, 0.9, null)
    await see(9200, 0.9, 'b')
    expect(asked.map((request) => request.at)).toEqual([0, 9000])
    expect(published.map(({ alarm_id, at }) => [alarm_id, at])).toEqual([
      ['a', '1970-01-01T00:00:00.000Z'],
      ['b', '1970-01-01T00:00:09.000Z']
    ])
  })

  it('forgets a brush with the threshold that led to no alarm', async () => {
    const { asked, see } = setUp()
    await see(0, 0.65)
    for (let at = 200; at < 8000; at += 200) await see(at, 0.2)
    await see(8000, 0.65)
    expect(asked.map((request) => request.at)).toEqual([0, 8000])
  })

  it('reports a failure, and tries again only after a while', async () => {
    const { asked, failures, see } = setUp({ fails: true })
    await see(0, 0.9, 'a')
    await see(200, 0.9, 'a')
    await see(5000, 0.9, 'a')
    expect(asked.map((request) => request.at)).toEqual([0, 5000])
    expect(failures()).toBe(2)
  })
})
