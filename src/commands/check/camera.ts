import type { CameraConfig } from '../../config/index.js'
import { type ErrorCode, errorCodes } from '../../core/error-codes/index.js'
import { duration } from '../../core/progress-line.js'
import type { CameraState } from '../../core/types.js'
import { type CameraSeen, differences } from '../../daemon/control/protocol.js'
import { linkOptions, shapeOptions } from '../../daemon/wiring/mapping.js'
import { type CameraCheck, checkCamera, timedMs } from '../../stages/camera/check.js'
import { decoderFor, probeDecoders } from '../../stages/camera/decoders.js'
import { masksHideAll } from '../../stages/camera/masks.js'
import { type CameraShape, ratioText } from '../../stages/camera/picture-shape.js'
import { triedAlone } from './one-server.js'
import { type CheckContext, type CheckResult, fail, failed, type Lamp, ok, warn } from './result.js'

/**
 * Each camera, all at the same time: as a running painlens sees it, else by a picture. Many cameras allow one viewer, and
 * where painlens watches it is the one. What one server refuses of several is tried again alone.
 */
export async function checkCameras(context: CheckContext): Promise<CheckResult[]> {
  let probed: ReturnType<typeof probeDecoders> | undefined
  const decoders = (): ReturnType<typeof probeDecoders> => {
    probed ??= probeDecoders()
    return probed
  }
  const checkOne = async (camera: CameraConfig): Promise<CheckResult> => {
    const what = `camera ${camera.id}` as const
    if (masksHideAll(camera.masks)) return fail('PL-CAMERA-MASKED', what, 'its masks hide the whole picture')
    const watched = context.running.daemon?.cameras.find(({ id }) => id === camera.id)
    if (watched && isEvidence(watched, camera)) return judgeWatched(what, camera, watched)
    try {
      const decoder = decoderFor(camera.decoder, await decoders())
      const timeoutMs = camera.first_picture_s * 1000
      const about = { ...linkOptions(camera), decoder, secrets: context.secrets, timeoutMs, ...shapeOptions(camera) }
      // A signal of its own for each camera: eleven listeners on one make Node.js warn of a leak.
      const found = judge(what, camera, await checkCamera(about, AbortSignal.any([context.signal])))
      return watched ? besideWatched(found, camera, watched) : found
    } catch (error) {
      const found = failed(what, error)
      return watched ? besideWatched(found, camera, watched) : found
    }
  }
  if (context.running.daemon === null) await decoders()
  const { cameras } = context.config
  return triedAlone(cameras, await Promise.all(cameras.map(checkOne)), checkOne, context.signal)
}

const largest = 1920 * 1080
/** Pictures per second of a camera of which too few came to time them: of two of them, as if they were so far apart. */
const mostUntimed = 1000 / timedMs

/** More than painlens looks at costs the box its decoding; less is fewer details than were asked for. */
function judge(what: Lamp, { fps, width, height }: CameraConfig, camera: CameraCheck): CheckResult {
  const rate = camera.fps ? `${tenth(camera.fps)} fps` : `fewer than three pictures in ${timedMs / 1000} s`
  const picture = `${camera.codec ?? 'unknown codec'}, ${shapeOf(camera.shape)}, ${rate}`
  const found = `${picture}, decoded by ${camera.decoder}, first picture after ${seconds(camera.firstFrameMs)}`
  if (camera.instead) return warn(camera.instead.code, what, `${found}; on the CPU, because ${camera.instead.what}`)
  const pixels = camera.shape ? camera.shape.coded.width * camera.shape.coded.height : 0
  if ((camera.fps ?? mostUntimed) < fps * 0.95) return warn('PL-CAMERA-SLOW', what, found, tooSlow(fps))
  if (pixels > largest) return warn('PL-CAMERA-LARGE', what, found)
  if (pixels > 0 && pixels < width * height * 0.5)
    return warn(
      'PL-CAMERA-SMALL',
      what,
      found,
      `It gives fewer pixels than ${width}x${height}; choose its larger stream to see small faces.`
    )
  return ok(what, found)
}

const tooSlow = (fps: number): string => `It gives less than fps: ${fps}; raise the camera's rate, or lower fps.`

/** `704x576, pixels 16:11, turned by 90°, shown as 576x1024`, without the parts that do not apply. */
function shapeOf(shape: CameraShape | null): string {
  if (shape === null) return 'unknown size'
  const { coded, sampleAspect, rotation, picture } = shape
  const isOther = picture.width !== coded.width || picture.height !== coded.height
  return [
    `${coded.width}x${coded.height}`,
    ...(sampleAspect === 1 ? [] : [`pixels ${ratioText(sampleAspect)}`]),
    ...(rotation === 0 ? [] : [`turned by ${rotation}°`]),
    ...(isOther ? [`shown as ${picture.width}x${picture.height}`] : [])
  ].join(', ')
}

/** Settings by which a camera is opened: where they differ, the running painlens's camera says nothing about this config. */
const openedBy: readonly string[] = ['url', 'video_track', 'decoder', 'rotation', 'aspect', 'tls'] satisfies (
  | keyof CameraConfig
  | 'tls'
)[]

/** A picture older than this is no evidence that the camera works, unless `silent_after_s` lets it be silent for longer. */
const freshMs = 30_000
/** The slowest rate that is measured well by frames of a few seconds. */
const leastMeasuredFps = 1
/** Frames come unevenly: the rate of a few seconds may be lower than the camera's. */
const slowShare = 0.8
/** At a start, and while others of its tasks run, a box that is large enough falls behind for a moment. */
const leastFrames = 100
const droppedShare = 0.2

/** What a state of a camera that gives pictures is to the technician; null where there are no pictures. */
const verdicts: Record<CameraState, ((what: Lamp, found: string) => CheckResult) | null> = {
  ok,
  paused: ok,
  frozen: (what, found) => fail('PL-CAMERA-FROZEN', what, found),
  dark: (what, found) => warn('PL-CAMERA-DARK', what, found),
  damaged: (what, found) => fail('PL-CAMERA-DAMAGED', what, found),
  connecting: null,
  lost: null
}

const verdictOf = ({ state }: CameraSeen) => (Object.hasOwn(verdicts, state) ? verdicts[state as CameraState] : null)

function isEvidence(watched: CameraSeen, camera: CameraConfig): boolean {
  const mostMs = Math.max(freshMs, camera.silent_after_s * 1000)
  const isFresh = watched.last_picture_ms !== null && watched.last_picture_ms < mostMs
  return isFresh && verdictOf(watched) !== null && openingDifferences(camera, watched).length === 0
}

const openingDifferences = (camera: CameraConfig, { settings }: CameraSeen): string[] =>
  differences(camera, settings).filter((key) => openedBy.includes(key))

/** A camera that the running painlens has pictures of. */
function judgeWatched(what: Lamp, camera: CameraConfig, watched: CameraSeen): CheckResult {
  const { fps, picture, last_picture_ms, decoder, decoder_problem } = watched
  const size = picture ? `picture ${picture.width}x${picture.height}, ` : ''
  const pictures = `${size}${tenth(fps)} fps, last picture ${seconds(last_picture_ms ?? 0)} ago, decoded by ${decoder}`
  const found = `watched by the running painlens, ${stateOf(watched)}; ${pictures}`
  const differ = differences(camera, watched.settings)
  const byState = verdictOf(watched)!(what, found)
  if (byState.state !== 'ok') return byState
  if (differ.length > 0)
    return warn('PL-CONTROL-OTHER-SETTINGS', what, `${found}; it has another ${differ.join(', ')} than this config`)
  if (decoder_problem)
    return warn(known(decoder_problem.code), what, `${found}; on the CPU, because ${decoder_problem.what}`)
  const { frames = 0, dropped = 0 } = watched
  if (frames >= leastFrames && dropped > frames * droppedShare)
    return warn('PL-CAMERA-BEHIND', what, `${found}; ${dropped} of ${frames} pictures were not analysed`)
  if (camera.fps >= leastMeasuredFps && fps < camera.fps * slowShare)
    return warn('PL-CAMERA-SLOW', what, found, tooSlow(camera.fps))
  return byState
}

function stateOf({ state, since, until, reason }: CameraSeen): string {
  const why = reason ? ` (${reason})` : ''
  if (until !== null) return `${state} until ${until}`
  return `${state} for ${duration(Math.max(0, Date.now() - Date.parse(since)))}${why}`
}

/** The daemon may be of another version. */
const known = (code: string): ErrorCode =>
  Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : 'PL-DECODER-NO-PICTURE'

/** A camera that this check has opened though a painlens runs: it has no pictures, or opens the camera otherwise. */
function besideWatched(found: CheckResult, camera: CameraConfig, watched: CameraSeen): CheckResult {
  const { what } = found
  const differ = openingDifferences(camera, watched)
  const theirs =
    differ.length > 0
      ? `the running painlens has another ${differ.join(', ')} (${stateOf(watched)})`
      : `the running painlens has no picture: ${stateOf(watched)}`
  const text = `${found.found}; ${theirs}`
  if (found.state !== 'ok') return { ...found, found: text }
  return warn(differ.length > 0 ? 'PL-CONTROL-OTHER-SETTINGS' : 'PL-CONTROL-NOT-YET', what, text)
}

const tenth = (value: number): number => Math.round(value * 10) / 10
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
