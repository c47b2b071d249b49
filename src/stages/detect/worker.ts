import { InvariantError, messageOf, ProviderError } from '../../core/errors.js'
import { collectShared } from '../../core/garbage.js'
import type { Box, Crop, Size, UnusableReason } from '../../core/types.js'
import { serveWorker, Transferred } from '../../core/worker.js'
import { type Alignment, alignFace } from '../../lib/face/align.js'
import type { FaceModels } from '../../lib/face/model-files.js'
import { FaceNetworks } from '../../lib/face/networks.js'
import { searchFaces } from '../../lib/face/search.js'
import { uprightIn } from '../../lib/face/similarity.js'
import { allSweeps } from '../../lib/face/sweeps.js'
import { CameraTracks } from '../../lib/face/tracker.js'
import { automaticProviders, type ProviderChoice, type ProviderName } from '../../lib/ort/provider-names.js'

export interface OpenDetectorRequest {
  models: FaceModels
  crop: Size
  alignment: Alignment
  provider: ProviderChoice
  threads: number
  minScore: number
  /** The last track of a worker that died before this one; 0 for none. */
  lastTrack: number
}

export interface OpenDetectorAnswer {
  provider: ProviderName
  /** Set when `auto` had to fall back: what was tried and why it failed. */
  fallback?: string
}

/** A frame without what a worker has no use for; `data` lies over a SharedArrayBuffer and is not copied on its way. */
export interface DetectRequest extends Size {
  camera: string
  at: number
  data: Uint8Array
}

export interface DetectedFace {
  track: number
  box: Box
  score: number
  roll: number
  whyNot: UnusableReason | null
  landmarks: Float32Array
  crop: Crop
}

export interface DetectAnswer {
  faces: DetectedFace[]
  lost: number[]
  /** The time it took, in ms. */
  ms: number
}

let open: (OpenDetectorRequest & { networks: FaceNetworks; tracks: CameraTracks }) | undefined

const methods = {
  /** Opens the models and proves the provider by an inference of each. */
  async open(request: OpenDetectorRequest): Promise<OpenDetectorAnswer> {
    const failures: string[] = []
    for (const provider of request.provider === 'auto' ? automaticProviders : [request.provider]) {
      try {
        const networks = await openAndTry(request, provider)
        open = {
          ...request,
          networks,
          tracks: new CameraTracks({ lastId: request.lastTrack, minScore: request.minScore })
        }
        return { provider, ...(failures.length > 0 && { fallback: failures.join('; ') }) }
      } catch (error) {
        if (provider === 'cpu') throw error
        failures.push(`${provider}: ${messageOf(error)}`)
      }
    }
    throw new ProviderError(
      'PL-PROVIDER-FACES',
      `does not run the face models (${failures.join('; ')})`,
      `inference.provider ${request.provider}`
    )
  },

  async detect(request: DetectRequest): Promise<Transferred<DetectAnswer>> {
    if (!open) throw new InvariantError('is asked before its models are open', 'the face worker')
    const { networks, tracks, minScore, crop, alignment } = open
    const startedAt = performance.now()
    const plan = tracks.plan(request.camera, request, request.at)
    const found = await searchFaces(networks, request, { minScore, ...plan })
    const { ids, lost } = tracks.update(request.camera, found, request.at)
    const faces = found.flatMap(({ box, score, roll, whyNot, landmarks }, i): DetectedFace[] => {
      const track = ids[i] ?? null
      if (track === null) return []
      return [{ track, box, score, roll, whyNot, landmarks, crop: alignFace(request, landmarks, crop, alignment) }]
    })
    const buffers = faces.flatMap((face) => [face.landmarks, face.crop.data, face.crop.landmarks])
    const ms = performance.now() - startedAt
    return new Transferred(
      { faces, lost, ms },
      buffers.map(({ buffer }) => buffer as ArrayBuffer)
    )
  },

  forget({ camera }: { camera: string }): void {
    open?.tracks.forget(camera)
    // Of the shared memory in which its frames came.
    collectShared()
  }
}
export type DetectMethods = typeof methods

const tryPlace = uprightIn({ x: 100, y: 50, width: 46, height: 46 })

async function openAndTry(request: OpenDetectorRequest, provider: ProviderName): Promise<FaceNetworks> {
  const networks = await FaceNetworks.open(request.models, { provider, threads: request.threads })
  try {
    const size = { width: 320, height: 192 }
    const frame = { ...size, data: new Uint8Array(size.width * size.height * 3).fill(127) }
    await searchFaces(networks, frame, { minScore: 0, around: [tryPlace], sweeps: allSweeps })
    return networks
  } catch (error) {
    await networks.close()
    throw error
  }
}

serveWorker(methods)
