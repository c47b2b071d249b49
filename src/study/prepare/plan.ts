import type { Clip, Findings } from './clips.js'
import type { Medium } from './inspect.js'
import type { VideoStretch } from './video.js'

/** A piece of work that is done whole or not at all. */
export interface PrepareJob {
  clip: Clip
  /** Null for a picture. */
  stretch: VideoStretch | null
  /** Of a long video that `--balance` leaves alone. */
  dense: boolean
}

export interface PlanOptions {
  /** Seconds that are left out at the beginning of each clip. */
  fromS: number
  /** Where each clip ends, in seconds from its beginning, or below 0 from its end. */
  toS: number | undefined
  everyS: number
  /** Long videos at two pictures a second at least: for false alarms an hour. */
  dense: boolean
}

/** Videos of which so much is taken count as long, and get a picture so often; what replays verdicts through the alarm stage needs. */
export const longS = 60
const denseEveryS = 0.5
/** A long stretch is done in pieces of about that length: what is lost when the machine goes off. */
const pieceS = 60

export function preparePlan(
  clips: readonly Clip[],
  media: ReadonlyMap<string, Medium>,
  options: PlanOptions,
  findings: Findings
): PrepareJob[] {
  const isLong = longVideosOf(clips, media, options)
  return clips.flatMap((clip): PrepareJob[] => {
    const medium = media.get(clip.file)
    if (!medium) return []
    if (medium.kind === 'picture') return [{ clip, stretch: null, dense: false }]
    const stretch = stretchOf(clip, medium.durationS, options)
    if (stretch.endS - stretch.startS <= 0) {
      findings.leave('shorter than --from and --to leave')
      return []
    }
    const dense = options.dense && isLong(clip)
    const everyS = dense ? Math.min(options.everyS, denseEveryS) : options.everyS
    return piecesOf({ ...stretch, everyS }).map((piece) => ({ clip, stretch: piece, dense }))
  })
}

/**
 * Whether all stretches of a clip's video together are long: the pain of a night is a short stretch between long ones at rest, and thinned
 * out among them it would count as missed. A video is one as in the replay, by source, file and subject.
 */
function longVideosOf(
  clips: readonly Clip[],
  media: ReadonlyMap<string, Medium>,
  options: PlanOptions
): (clip: Clip) => boolean {
  const keyOf = ({ source, file, subject }: Clip): string => JSON.stringify([source, file, subject])
  const seconds = new Map<string, number>()
  for (const clip of clips) {
    const medium = media.get(clip.file)
    if (medium?.kind !== 'video') continue
    const { startS, endS } = stretchOf(clip, medium.durationS, options)
    seconds.set(keyOf(clip), (seconds.get(keyOf(clip)) ?? 0) + Math.max(0, endS - startS))
  }
  return (clip) => (seconds.get(keyOf(clip)) ?? 0) >= longS - 1e-6
}

function stretchOf(
  { startS, endS }: Clip,
  durationS: number | null,
  { fromS, toS }: PlanOptions
): Omit<VideoStretch, 'everyS'> {
  const start = startS ?? 0
  const end = Math.min(endS ?? Number.POSITIVE_INFINITY, durationS ?? Number.POSITIVE_INFINITY)
  const until = toS === undefined ? end : toS < 0 ? end + toS : Math.min(end, start + toS)
  return { startS: start + fromS, endS: until }
}

/** The last one ends with the stretch. Pictures of all pieces together are those of the whole. */
function piecesOf({ startS, endS, everyS }: VideoStretch): VideoStretch[] {
  const lengthS = everyS > 0 ? Math.ceil(pieceS / everyS) * everyS : pieceS
  if (!Number.isFinite(endS)) return [{ startS, endS, everyS }]
  const count = Math.max(1, Math.ceil((endS - startS) / lengthS - 1e-9))
  return Array.from({ length: count }, (_, i) => ({
    startS: startS + i * lengthS,
    endS: i === count - 1 ? endS : startS + (i + 1) * lengthS,
    everyS
  }))
}

/** How many pictures a plan will look at; videos that do not say how long they are count nothing. */
export function picturesOf(jobs: readonly PrepareJob[]): number {
  return jobs.reduce((sum, { stretch }) => {
    if (!stretch) return sum + 1
    const lengthS = stretch.endS - stretch.startS
    return sum + (Number.isFinite(lengthS) ? Math.ceil(lengthS / (stretch.everyS || 0.04)) : 0)
  }, 0)
}
