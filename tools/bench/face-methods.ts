/** The ways of finding faces that docs/measured/faces.md compares. */
import type { Box, Size } from '#painlens/core/types.js'
import { defaultMinScore } from '#painlens/lib/face/boxes.js'
import type { FaceNetworks, FrameTensor } from '#painlens/lib/face/networks.js'
import { viewOfFrame } from '#painlens/lib/face/networks.js'
import { searchFaces } from '#painlens/lib/face/search.js'
import { type Pixels, uprightIn } from '#painlens/lib/face/similarity.js'
import { allSweeps } from '#painlens/lib/face/sweeps.js'

export interface FaceMethod {
  name: string
  /** Whether the method needs the face's previous place, so that it cannot be tried on photographs. */
  needsTruth?: boolean
  find(networks: FaceNetworks, frame: FrameTensor, truth: Box | undefined): Promise<Box[]>
}

const sizeOf = (frame: FrameTensor): Size => ({ width: frame.dims[1]!, height: frame.dims[0]! })

const pixelsOf = (frame: FrameTensor): Pixels => ({ ...sizeOf(frame), data: frame.data as Uint8Array })

/** An input that wide and as high as the frame's shape demands, in steps of `step`. */
function inputFor(frame: FrameTensor, width: number, step: number): Size {
  const { width: w, height: h } = sizeOf(frame)
  return { width, height: Math.ceil((width * h) / w / step) * step }
}

function detectorOnFrame(width: number, minScore: number): FaceMethod {
  return {
    name: `SSD on the frame at ${width} px, ${minScore}`,
    async find(networks, frame) {
      const view = viewOfFrame(sizeOf(frame), inputFor(frame, width, 64))
      return (await networks.detect(frame, view, minScore)).map(({ box }) => box)
    }
  }
}

function finderOnFrame(width: number, minScore: number): FaceMethod {
  return {
    name: `tiny on the frame at ${width} px, ${minScore}`,
    async find(networks, frame) {
      const view = viewOfFrame(sizeOf(frame), inputFor(frame, width, 32))
      return (await networks.find(frame, view, minScore)).map(({ box }) => box)
    }
  }
}

/** A face seen a fifth of a second ago has moved by up to a third of its width. */
function neighbourhood(truth: Box): Box {
  const angle = truth.x + truth.y
  const reach = truth.width / 3
  return { ...truth, x: truth.x + reach * Math.cos(angle), y: truth.y + reach * Math.sin(angle) }
}

export const faceMethods: readonly FaceMethod[] = [
  {
    name: "face-api's way: SSD on 512x512, 0.5",
    async find(networks, frame) {
      const view = viewOfFrame(sizeOf(frame), { width: 512, height: 512 })
      return (await networks.detect(frame, view, 0.5)).map(({ box }) => box)
    }
  },
  detectorOnFrame(512, 0.3),
  detectorOnFrame(768, 0.3),
  detectorOnFrame(896, 0.3),
  finderOnFrame(416, 0.3),
  finderOnFrame(640, 0.5),
  finderOnFrame(640, 0.2),
  finderOnFrame(896, 0.3),
  {
    name: '**tiny at 640 px proposes, SSD at 128 px decides**',
    find: async (networks, frame) => {
      const faces = await searchFaces(networks, pixelsOf(frame), {
        minScore: defaultMinScore,
        around: [],
        sweeps: allSweeps
      })
      return faces.map(({ box }) => box)
    }
  },
  {
    name: '**SSD at 128 px where the face was**',
    needsTruth: true,
    find: async (networks, frame, truth) => {
      if (!truth) return []
      const around = [uprightIn(neighbourhood(truth))]
      const faces = await searchFaces(networks, pixelsOf(frame), {
        minScore: defaultMinScore,
        around,
        sweeps: [],
        ifLost: allSweeps
      })
      return faces.map(({ box }) => box)
    }
  }
]
