import type { CameraConfig } from '../../config/index.js'
import { shapeOptions } from '../../daemon/wiring/mapping.js'
import {
  type CameraCheck,
  type CameraShape,
  checkCamera,
  decoderFor,
  probeDecoders,
  probeFfmpeg,
  ratioText
} from '../../stages/camera/index.js'
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
      const { id, url } = camera
      const decoder = decoderFor(camera.decoder, decoders)
      const about = { id, url, decoder, secrets: context.secrets, ...shapeOptions(camera) }
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
  const rate = camera.fps ? `${Math.round(camera.fps * 10) / 10} fps` : 'unknown rate'
  const picture = `${camera.codec ?? 'unknown codec'}, ${shapeOf(camera.shape)}, ${rate}`
  const found = `${picture}, decoded by ${camera.decoder}, first picture after ${seconds(camera.firstFrameMs)}`
  if (camera.instead) return warn(camera.instead.code, what, `${found}; on the CPU, because ${camera.instead.what}`)
  const pixels = camera.shape ? camera.shape.coded.width * camera.shape.coded.height : 0
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

/** `704x576, pixels 16:11, turned by 90°, shown as 576x1024`, without what is not so. */
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

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
