import { availableParallelism } from 'node:os'
import type { CameraConfig, Config } from '../../config/index.js'
import { systemClock } from '../../core/clock.js'
import { InputError } from '../../core/errors.js'
import { silentLog } from '../../core/log.js'
import type { Secrets } from '../../core/secrets.js'
import type { Frame } from '../../core/types.js'
import type { GivenFrame } from '../../daemon/control/client.js'
import { headOf } from '../../daemon/control/protocol.js'
import type { SeenFace, Sight } from '../../daemon/line/viewers.js'
import { cameraOptions } from '../../daemon/wiring/mapping.js'
import { zoneOf } from '../../lib/face/boxes.js'
import { faceModelFiles } from '../../lib/face/model-files.js'
import { FaceNetworks } from '../../lib/face/networks.js'
import { searchFaces } from '../../lib/face/search.js'
import { allSweeps } from '../../lib/face/sweeps.js'
import { type Camera, openCamera, probeDecoders } from '../../stages/camera/index.js'

/** A camera that frees its last viewer slowly refuses the first tries. */
const afterFailureMs = 6000

/**
 * Opens a camera for one picture, with masks, and searches it for faces: where no painlens runs.
 * @throws InputError where it gives none, CameraError, ModelError; the signal's reason
 */
export async function lookAtCamera(
  config: Config,
  camera: CameraConfig,
  secrets: Secrets,
  signal: AbortSignal
): Promise<GivenFrame> {
  const options = cameraOptions(camera, await probeDecoders())
  const waitMs = camera.first_picture_s * 1000
  const opened = openCamera({
    ...options,
    ...{ log: silentLog, clock: systemClock, secrets },
    // A camera whose first key frame is waited for is not lost: a try that fails says why.
    timing: { ...options.timing, lostMs: 2 * waitMs }
  })
  let frame: Frame
  try {
    frame = await firstFrame(opened, waitMs, signal)
  } finally {
    await opened.stop()
  }
  const { width, height, picture, at } = frame
  const data = Uint8Array.from(frame.data)
  const sight: Sight = { width, height, picture, at, data, faces: await facesIn(config, camera, frame, data) }
  return { head: headOf(camera, sight, opened.stats().state, systemClock), pixels: data }
}

/** @param waitMs the longest that a try waits for it */
function firstFrame(camera: Camera, waitMs: number, signal: AbortSignal): Promise<Frame> {
  return new Promise((resolve, reject) => {
    const ends: (() => void)[] = []
    const settle = (act: () => void): void => {
      for (const end of ends.splice(0)) end()
      act()
    }
    const giveUp = (): void => settle(() => reject(noPicture(camera, waitMs)))
    const frames = camera.frames.subscribe((frame) => settle(() => resolve(frame)))
    let failed: NodeJS.Timeout | undefined
    const states = camera.states.subscribe(({ reason }) => {
      if (reason !== undefined) failed ??= setTimeout(giveUp, afterFailureMs)
    })
    const late = setTimeout(giveUp, waitMs + afterFailureMs)
    const onAbort = (): void => settle(() => reject(signal.reason))
    signal.addEventListener('abort', onAbort)
    ends.push(
      () => frames.unsubscribe(),
      () => states.unsubscribe(),
      () => clearTimeout(failed),
      () => clearTimeout(late),
      () => signal.removeEventListener('abort', onAbort)
    )
    if (signal.aborted) onAbort()
    else camera.start()
  })
}

function noPicture(camera: Camera, waitMs: number): InputError {
  const { reason = `no picture for ${waitMs / 1000} s` } = camera.stats()
  return new InputError('PL-SNAPSHOT-NO-PICTURE', `gives no picture (${reason})`, `camera ${camera.id}`)
}

async function facesIn(
  { model, inference }: Config,
  { zones }: CameraConfig,
  frame: Frame,
  data: Uint8Array<ArrayBuffer>
): Promise<SeenFace[]> {
  const files = faceModelFiles(model.face_models!)
  const networks = await FaceNetworks.open(files, { provider: 'cpu', threads: availableParallelism() })
  try {
    const options = { minScore: inference.min_face_score, around: [], sweeps: allSweeps }
    const found = await searchFaces(networks, { width: frame.width, height: frame.height, data }, options)
    return found.map((face) => ({ ...face, zone: zoneOf(face.box, frame.picture, zones) }))
  } finally {
    await networks.close()
  }
}
