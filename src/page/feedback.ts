/** What was said of the alarms of a night, by room. */
import { advice, feedbackOf } from '../contract/feedback.js'
import { groupedBy } from '../core/grouped.js'
import type { RecordedNight } from './night.js'
import type { NightFeedback, NightLane, NightUnknown } from './wire.js'

/** Why little can be seen in a picture. */
const troubles: readonly (NightUnknown | null)[] = ['dark', 'damaged', 'face_unusable']

/** An alarm counts for the night in which it began, so that none counts twice. */
export function feedbackOfNight({ from, to, lanes, alarms }: RecordedNight): NightFeedback[] {
  const asked = alarms.filter(
    ({ physiological, test, camera, onset }) => physiological && !test && camera !== null && onset >= from && onset < to
  )
  const rooms = groupedBy(asked, ({ device, camera }) => JSON.stringify([device, camera]))
  return [...rooms.values()].map((own): NightFeedback => {
    const { device, camera } = own[0]!
    const lane = lanes.find((one) => one.device === device && one.camera === camera)
    const { ward = null, room = null, bed = null } = lane ?? {}
    const answered = own.map(({ acks, margin, referenced }) => ({
      said: acks.toSorted((a, b) => a.at - b.at).map(({ kind }) => kind),
      margin,
      referenced
    }))
    const { advice: name, ...counts } = feedbackOf(answered, lane ? troubleMin(lane) : 0)
    return { device, camera: camera!, ward, room, bed, ...counts, advice: advice[name].text }
  })
}

const troubleMin = ({ spans }: NightLane): number =>
  spans.filter(({ why }) => troubles.includes(why)).reduce((sum, { from, to }) => sum + to - from, 0) / 60_000
