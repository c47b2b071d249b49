import { iso } from '../core/clock.js'
import type { ExplanationMessage } from '../core/messages.js'
import type { Explanation } from '../core/types.js'

/** An explanation in the words of the MQTT contract. */
export function explanationMessage(alarmId: string, explained: Explanation, withHeatmap: boolean): ExplanationMessage {
  const { at, target, probability, composite, engine, regions, text, uncertainty } = explained
  const rounded = regions.map(({ region, positive, negative }) => ({
    region,
    positive: round(positive),
    negative: round(negative)
  }))
  const heatmap = withHeatmap ? { heatmap: Buffer.from(explained.heatmap).toString('base64') } : {}
  return {
    alarm_id: alarmId,
    at: iso(at),
    target,
    probability: round(probability),
    composite,
    engine,
    regions: rounded,
    text,
    uncertainty,
    ...heatmap
  }
}

const round = (value: number): number => Math.round(value * 1000) / 1000
