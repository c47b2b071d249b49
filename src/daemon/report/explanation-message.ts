import type { ExplanationMessage } from '../../contract/messages.js'
import type { Explanation } from '../../stages/explain/index.js'

export interface ExplanationMessageOptions {
  alarmId: string
  /** When the explained frame was captured, ISO 8601. */
  at: string
  withHeatmap: boolean
}

/** An explanation in the words of the MQTT contract. */
export function explanationMessage(
  explained: Explanation,
  { alarmId, at, withHeatmap }: ExplanationMessageOptions
): ExplanationMessage {
  const { target, probability, composite, engine, regions, text, uncertainty } = explained
  const rounded = regions.map(({ region, positive, negative }) => ({
    region,
    positive: round(positive),
    negative: round(negative)
  }))
  const heatmap = withHeatmap ? { heatmap: Buffer.from(explained.heatmap).toString('base64') } : {}
  return {
    alarm_id: alarmId,
    at,
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
