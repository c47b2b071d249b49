import type { CameraConfig } from '../../config/index.js'
import { linkOptions, shapeOptions } from '../../daemon/wiring/mapping.js'
import { type CameraCheck, checkCamera, decoderFor, probeDecoders, probeFfmpeg } from '../../stages/camera/index.js'
import { type CheckContext, type CheckResult, failed, type Lamp, ok, warn } from './result.js'

export async function checkFfmpeg(): Promise<CheckResult[]> {
  const { version } = await probeFfmpeg()
  return [ok('ffmpeg', `version ${version}, with RTSP, H.264, H.265 and MJPEG`)]
}

/** One picture of each camera, all at the same time. */
export async function checkCameras(context: CheckContext): Promise<CheckResult[]> {
  const decoders = await probeDecoders()
  const checkOne = async (camera: CameraConfig): Promise<CheckResult> => {
    const what = `camera ${camera.id}` as const
    try {
      const decoder = decoderFor(camera.decoder, decoders)
      const timeoutMs = camera.first_picture_s * 1000
      const about = { ...linkOptions(camera), decoder, secrets: context.secrets, timeoutMs, ...shapeOptions(camera) }
      const found = await checkCamera(about, context.signal)
      return judge(what, camera, found)
    } catch (error) {
      return failed(what, error)
    }
  }
  return Promise.all(context.config.cameras.map(checkOne))
}

const largest = 1920 * 1080

/** More than painlens looks at costs the box its decoding; less is fewer details than were asked for. */
function judge(what: Lamp, { fps, width, height }: CameraConfig, camera: CameraCheck): CheckResult {
  const size = camera.width && camera.height ? `${camera.width}x${camera.height}` : 'unknown size'
  const rate = camera.fps ? `${Math.round(camera.fps * 10) / 10} fps` : 'unknown rate'
  const picture = `${camera.codec ?? 'unknown codec'}, ${size}${shapeOf(camera)}, ${rate}`
  const found = `${picture}, decoded by ${camera.decoder}, first picture after ${seconds(camera.firstFrameMs)}`
  if (camera.instead) return warn(camera.instead.code, what, `${found}; on the CPU, because ${camera.instead.what}`)
  const pixels = (camera.width ?? 0) * (camera.height ?? 0)
  if (camera.fps && camera.fps < fps * 0.95)
    return warn('PL-CAMERA-SLOW', what, found, `It gives less than fps: ${fps}; raise the camera's rate, or lower fps.`)
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

/** Where its picture is another than its stream's pixels. */
function shapeOf({ width, height, sampleAspect = 1, picture }: CameraCheck): string {
  if (!width || !height || !picture || (picture.width === width && picture.height === height)) return ''
  const pixels = sampleAspect === 1 ? '' : ` of pixels ${sampleAspect.toFixed(2)} times as wide as high`
  return `${pixels} (picture ${picture.width}x${picture.height})`
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
