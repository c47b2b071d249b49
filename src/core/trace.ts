/** What follows a frame and its alarm through the debug log, from the camera to the broker. */
import type { Log } from './log.js'

/** A frame's name in the log: its camera and the moment at which it arrived, which every stage hands on. */
export const frameId = ({ camera, at }: { camera: string; at: number }): string => `${camera}@${at.toFixed(1)}`

/**
 * Says at level `debug` that a stage is through with something, and how long it took.
 * @param stage null where the log's own lines name it: a name that stands twice in a line is no JSON to some collectors
 * @param fieldsOf with the `frame` or the `alarm_id`; called only where debug lines are written
 * @returns what `work` answers, unchanged; without debug lines `work` itself, and nothing else is made
 */
export function traced<T>(
  log: Log,
  stage: string | null,
  work: Promise<T>,
  fieldsOf: (value: T) => object
): Promise<T> {
  if (!log.isLevelEnabled('debug')) return work
  const began = performance.now()
  return work.then((value) => {
    const ms = Math.round((performance.now() - began) * 10) / 10
    log.debug({ ...(stage && { stage }), ms, ...fieldsOf(value) }, 'trace')
    return value
  })
}
