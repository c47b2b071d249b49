import type { Moment } from '../../core/clock.js'
import { type Interval, poissonInterval, quantile, wilsonInterval } from '../../lib/statistics/index.js'
import { type AlarmOptions, createAlarms } from '../../stages/alarm/index.js'
import { neutral } from '../dataset.js'
import type { Judged, JudgedData } from './judged.js'

/** The daemon's own, from its config. */
export type AlarmSettings = Pick<AlarmOptions, 'rules' | 'priorities'>

/** An alarm of a replayed video; times in seconds of the video. */
export interface ReplayedAlarm {
  source: string
  video: string
  subject: string
  /** Since when the score was high. */
  onset_s: number
  /** When it was raised. */
  start_s: number
  end_s: number
  /** The label that was shown between onset and start; the alarm's own where it was among them. */
  shown: string
}

interface Rate {
  hours: number
  false_alarms: number
  per_hour: number
  /** Exact, of a Poisson distribution. */
  per_hour_interval: Interval
}

/** What a ward would notice. */
export interface AlarmFigures {
  videos: number
  hours: number
  /** While faces were neutral. */
  neutral: Rate
  /** While they showed other labels than the alarm's; null without such. */
  other_labels: Rate | null
  /** Stretches in which the alarm's label was shown; null without such. */
  episodes: {
    shown: number
    missed: number
    missed_share: number
    missed_share_interval: Interval | null
    /** Median seconds from the beginning of an episode until its alarm was raised; null where all were missed. */
    delay_s: number | null
    /** Episodes shorter than this are not meant to raise an alarm. */
    shortest_meant_s: number
    missed_of_those_meant: { shown: number; missed: number }
  } | null
}

/** What a ward would notice of one subject: counts, which can be added up. */
export interface SubjectAlarms {
  subject: string
  /** Hours in which another label than the alarm's was shown, or none. */
  hours: number
  false_alarms: number
  /** Stretches in which the alarm's label was shown. */
  episodes: number
  missed_episodes: number
}

export type Replay =
  | { measurable: true; figures: AlarmFigures; alarms: ReplayedAlarm[]; subjects: SubjectAlarms[] }
  | { measurable: false; reason: string }

const limits = { videoS: 60, framesPerS: 2, neutralHours: 1 }
/** Times are written with few digits. */
const roundingS = 0.01
/** A crop stands for the time until the next one, but not for longer: then the face was not judged. */
const mostPerCropS = 1

interface Video {
  source: string
  video: string
  subject: string
  /** By time; no two at one time. */
  judged: (Judged & { at: number })[]
}

/** A stretch of crops of one label. */
interface Stretch {
  label: string
  from: number
  to: number
  seconds: number
}

/**
 * What the daemon would have raised: each video's verdicts go through its alarm stage on a clock of their own. Only videos that are
 * long and dense enough count, and only with an hour of neutral faces: a rate of minutes says nothing.
 */
export function replay(judgement: JudgedData, settings: AlarmSettings): Replay {
  const timed = judgement.judged.filter(({ row }) => row.timeS !== null && row.video !== '')
  if (timed.length === 0) return { measurable: false, reason: 'the crops have no video and time' }
  const videos = videosOf(timed).filter(isDense)
  if (videos.length === 0) {
    const reason = `no video has ${limits.videoS} s at ${limits.framesPerS} frames a second or more`
    return { measurable: false, reason }
  }
  const stretches = videos.map((video) => stretchesOf(video, settings.rules.trackLostS))
  const neutralHours = hoursOf(stretches.flat(), (label) => label === neutral)
  if (neutralHours < limits.neutralHours) {
    const minutes = `${(neutralHours * 60).toFixed(1)} minutes of neutral faces`
    return {
      measurable: false,
      reason: `long and dense videos hold ${minutes}, ${limits.neutralHours * 60} are needed`
    }
  }
  const alarms = videos.map((video, i) => alarmsOf(video, stretches[i]!, judgement, settings))
  return {
    measurable: true,
    figures: figuresOf(videos, stretches, alarms, judgement, settings),
    alarms: alarms.flat(),
    subjects: subjectsOf(videos, stretches, alarms, judgement)
  }
}

function videosOf(judged: readonly Judged[]): Video[] {
  const videos = new Map<string, Video>()
  for (const one of judged) {
    const { source, video, subject, timeS } = one.row
    const key = JSON.stringify([source, video, subject])
    const known = videos.get(key) ?? { source, video, subject, judged: [] }
    known.judged.push({ ...one, at: timeS! })
    videos.set(key, known)
  }
  for (const video of videos.values()) {
    video.judged.sort((a, b) => a.at - b.at)
    video.judged = video.judged.filter(({ at }, i, all) => i === 0 || at > all[i - 1]!.at)
  }
  return [...videos.values()]
}

function isDense({ judged }: Video): boolean {
  if (judged.length < 2) return false
  const steps = judged.slice(1).map(({ at }, i) => at - judged[i]!.at)
  const step = quantile(Float64Array.from(steps).sort(), 0.5)
  // The last picture, too, stands for the time until the next: one minute at two a second ends at 59.5 s.
  const lengthS = judged.at(-1)!.at - judged[0]!.at + step
  return step <= 1 / limits.framesPerS + roundingS && lengthS >= limits.videoS - roundingS
}

/** A gap in which a track is given up parts a stretch. */
function stretchesOf({ judged }: Video, trackLostS: number): Stretch[] {
  const stretches: Stretch[] = []
  for (const [i, { at, row }] of judged.entries()) {
    const next = judged[i + 1]?.at
    const seconds = next === undefined ? 0 : Math.min(mostPerCropS, next - at)
    const last = stretches.at(-1)
    if (last && last.label === row.label && at - judged[i - 1]!.at < trackLostS) {
      last.to = at + seconds
      last.seconds += seconds
    } else stretches.push({ label: row.label, from: at, to: at + seconds, seconds })
  }
  return stretches
}

const hoursOf = (stretches: readonly Stretch[], which: (label: string) => boolean): number =>
  stretches.reduce((sum, { label, seconds }) => sum + (which(label) ? seconds : 0), 0) / 3600

/** Interval of the alarm stage's ticks, in ms. */
const tickMs = 1000

/** When an alarm was raised, in ms of the replay's clock. */
interface Raised {
  onset: number
  start: number
  end: number
}

/** What the alarm stage raises of a video's verdicts, as the daemon would. */
function raisedIn({ judged }: Video, { labels, alarmLabel }: JudgedData, settings: AlarmSettings): Raised[] {
  let now = 0
  let tickAt = tickMs
  let ids = 0
  const clock = { now: () => now as Moment }
  const newId = (): string => String(ids++)
  const stage = createAlarms({ ...settings, cameras: {}, facility: null, model: null, clock, newId })
  const raised = new Map<string, { onset: number; start: number; end: number | null }>()
  const note = (messages: ReturnType<typeof stage.tick>): void => {
    for (const { alarm_id, phase, onset, updated, type } of messages) {
      if (type !== 'physiological') continue
      const [begun, at] = [Date.parse(onset), Date.parse(updated)]
      if (phase === 'start') raised.set(alarm_id, { onset: begun, start: at, end: null })
      else if (phase === 'end') raised.get(alarm_id)!.end = at
    }
  }
  const begin = judged[0]!.at
  const alarm = labels.indexOf(alarmLabel)
  for (const { at, probabilities, lowered } of judged) {
    const moment = Math.round((at - begin) * 1000)
    for (; tickAt <= moment; tickAt += tickMs) {
      now = tickAt
      note(stage.tick(now as Moment))
    }
    now = moment
    const unreferenced = probabilities[alarm]!
    const score = lowered ?? unreferenced
    note(stage.observe({ camera: 'study', track: 1, at: now as Moment, score, unreferenced }).alarms)
  }
  note(stage.shutdown(now as Moment))
  return [...raised.values()].map(({ end, ...times }) => ({ ...times, end: end ?? now }))
}

function alarmsOf(
  video: Video,
  stretches: readonly Stretch[],
  data: JudgedData,
  settings: AlarmSettings
): ReplayedAlarm[] {
  const { source, video: name, subject, judged } = video
  const secondOf = (ms: number): number => judged[0]!.at + ms / 1000
  return raisedIn(video, data, settings).map(({ onset, start, end }) => {
    const [onset_s, start_s, end_s] = [secondOf(onset), secondOf(start), secondOf(end)]
    // The stage's clock has whole milliseconds.
    const shown = stretches
      .filter(({ from, to }) => from <= start_s + 0.001 && to >= onset_s - 0.001)
      .map(({ label }) => label)
    const { alarmLabel } = data
    return {
      ...{ source, video: name, subject, onset_s, start_s, end_s },
      shown: shown.includes(alarmLabel) ? alarmLabel : shown.at(-1)!
    }
  })
}

function figuresOf(
  videos: readonly Video[],
  stretches: readonly Stretch[][],
  alarms: readonly ReplayedAlarm[][],
  { alarmLabel }: JudgedData,
  { rules }: AlarmSettings
): AlarmFigures {
  const rateOf = (which: (label: string) => boolean): Rate => {
    const hours = hoursOf(stretches.flat(), which)
    const count = alarms.flat().filter(({ shown }) => which(shown)).length
    const { low, high } = poissonInterval(count)
    return {
      hours,
      false_alarms: count,
      per_hour: count / hours,
      per_hour_interval: { low: low / hours, high: high / hours }
    }
  }
  const isOther = (label: string): boolean => label !== neutral && label !== alarmLabel
  const episodes = stretches.flatMap((own, i) => episodesIn(own, alarms[i]!, alarmLabel))
  return {
    videos: videos.length,
    hours: hoursOf(stretches.flat(), () => true),
    neutral: rateOf((label) => label === neutral),
    other_labels: stretches.flat().some(({ label }) => isOther(label)) ? rateOf(isOther) : null,
    episodes: episodes.length === 0 ? null : episodesOf(episodes, rules.onsetS + rules.smoothingS)
  }
}

function subjectsOf(
  videos: readonly Video[],
  stretches: readonly Stretch[][],
  alarms: readonly ReplayedAlarm[][],
  { alarmLabel }: JudgedData
): SubjectAlarms[] {
  return [...new Set(videos.map(({ subject }) => subject))].map((subject) => {
    const own = <T>(of: readonly T[]): T[] => of.filter((_, i) => videos[i]!.subject === subject)
    const raised = own(alarms)
    const episodes = own(stretches).flatMap((one, i) => episodesIn(one, raised[i]!, alarmLabel))
    return {
      subject,
      hours: hoursOf(own(stretches).flat(), (label) => label !== alarmLabel),
      false_alarms: raised.flat().filter(({ shown }) => shown !== alarmLabel).length,
      episodes: episodes.length,
      missed_episodes: episodes.filter(({ delay }) => delay === null).length
    }
  })
}

interface Episode {
  seconds: number
  /** Until its alarm was raised; null where none was. */
  delay: number | null
}

const episodesIn = (stretches: readonly Stretch[], alarms: readonly ReplayedAlarm[], alarmLabel: string): Episode[] =>
  stretches
    .filter(({ label }) => label === alarmLabel)
    .map(({ from, to }) => {
      const found = alarms.find(({ onset_s, end_s }) => onset_s <= to && end_s >= from)
      return { seconds: to - from, delay: found ? Math.max(0, found.start_s - from) : null }
    })

function episodesOf(episodes: readonly Episode[], shortest: number) {
  const missed = episodes.filter(({ delay }) => delay === null)
  const delays = Float64Array.from(episodes.flatMap(({ delay }) => delay ?? [])).sort()
  const isMeant = ({ seconds }: Episode): boolean => seconds >= shortest
  return {
    shown: episodes.length,
    missed: missed.length,
    missed_share: missed.length / episodes.length,
    missed_share_interval: wilsonInterval(missed.length, episodes.length),
    delay_s: delays.length === 0 ? null : quantile(delays, 0.5),
    shortest_meant_s: shortest,
    missed_of_those_meant: { shown: episodes.filter(isMeant).length, missed: missed.filter(isMeant).length }
  }
}
