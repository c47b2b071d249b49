/** Finds the face of a picture, cuts it out as the daemon does, and encodes it. */

import { InvariantError } from '../../core/errors.js'
import type { Box, Size, UnusableReason } from '../../core/types.js'
import { serveWorker, Transferred } from '../../core/worker.js'
import { type Alignment, alignFace } from '../../lib/face/align.js'
import { defaultMinScore } from '../../lib/face/boxes.js'
import type { FaceModels } from '../../lib/face/model-files.js'
import { FaceNetworks } from '../../lib/face/networks.js'
import { searchFaces } from '../../lib/face/search.js'
import type { FacePlace, Pixels } from '../../lib/face/similarity.js'
import { allSweeps } from '../../lib/face/sweeps.js'
import { readPicture } from '../../lib/picture/read.js'
import { loadSharp } from '../../lib/picture/sharp.js'

export interface OpenRequest {
  models: FaceModels
  /** Of the crops. */
  size: Size
  alignment: Alignment
}

export interface FaceRequest extends Size {
  data: Uint8Array<ArrayBuffer>
  /** Where the face was in the video's picture before, which is looked at first. */
  around: FacePlace | null
  /** Whether the whole picture is looked over though the face is where it was. */
  everywhere: boolean
}

/** Why a picture gives no crop. */
export type NoCrop = UnusableReason | 'no_face' | 'black'

export type FaceAnswer =
  | { why: NoCrop; place: FacePlace | null }
  | { why: null; place: FacePlace; png: Uint8Array; roll: number; score: number }

/** No value of a picture that is black throughout is larger, noise included. */
const blackest = 20

let open: (OpenRequest & { networks: FaceNetworks }) | undefined

const methods = {
  async open(request: OpenRequest): Promise<void> {
    // As many workers as cores: more threads in each would only wait for each other.
    loadSharp().concurrency(1)
    open = { ...request, networks: await FaceNetworks.open(request.models, { provider: 'cpu', threads: 1 }) }
  },

  async face({ around, everywhere, ...picture }: FaceRequest): Promise<Transferred<FaceAnswer>> {
    return faceOf(picture, around, everywhere)
  },

  /** As `face`, of a picture's file. @throws InputError */
  async picture({ path }: { path: string }): Promise<Transferred<FaceAnswer>> {
    return faceOf(await readPicture(path, new AbortController().signal), null, true)
  }
}
export type PrepareMethods = typeof methods

async function faceOf(
  picture: Pixels & { data: Uint8Array<ArrayBuffer> },
  around: FacePlace | null,
  everywhere: boolean
): Promise<Transferred<FaceAnswer>> {
  if (!open) throw new InvariantError('is asked before its models are open', 'the worker of study prepare')
  const { networks, size, alignment } = open
  if (isBlack(picture.data)) return new Transferred({ why: 'black', place: null }, [])
  const found = await searchFaces(networks, picture, {
    minScore: defaultMinScore,
    around: around ? [around] : [],
    sweeps: everywhere || !around ? allSweeps : [],
    ifLost: allSweeps
  })
  const area = ({ width, height }: Box): number => width * height
  const largestFirst = [...found].sort((a, b) => area(b.box) - area(a.box))
  const face = largestFirst.find(({ whyNot }) => whyNot === null)
  if (!face) {
    const [largest] = largestFirst
    return new Transferred({ why: largest?.whyNot ?? 'no_face', place: largest?.place ?? null }, [])
  }
  const { width, height, data } = alignFace(picture, face.landmarks, size, alignment)
  const encoded = await loadSharp()(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer()
  // Over memory of its own: a small Buffer may lie in one that others share.
  const png = Uint8Array.from(encoded)
  return new Transferred({ why: null, place: face.place, png, roll: face.roll, score: face.score }, [png.buffer])
}

function isBlack(data: Uint8Array): boolean {
  for (let i = 0; i < data.length; i += 31) if (data[i]! > blackest) return false
  return true
}

serveWorker(methods)
