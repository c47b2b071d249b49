import { hasDevice, refusedDevice } from '../../core/devices.js'
import type { Decoder, Failure } from './decoder.js'
import { type Ffmpeg, ffmpegDecoder, probeFfmpeg } from './ffmpeg.js'
import { gstDecoder, missingElement, nvidiaElements, softwareElements } from './gstreamer.js'

/** What decodes, by the config's name; docs/operate/cameras.md has this table. */
interface DecoderRow {
  what: string
  mjpeg: string
  purpose: string
  create(decoders: Decoders): Decoder
}

export const decoders = {
  auto: {
    what: '`nvidia` where GStreamer has all its elements and they work, else `ffmpeg`',
    mjpeg: 'yes',
    purpose: 'every box',
    create: (found) => automatic(found)
  },
  ffmpeg: {
    what: 'FFmpeg, on the CPU',
    mjpeg: 'yes',
    purpose: 'any machine',
    create: ({ ffmpeg }) => ffmpegDecoder(ffmpeg)
  },
  nvidia: {
    what: "a Jetson's own decoder and scaler (`nvv4l2decoder`, `nvvidconv`)",
    mjpeg: 'by FFmpeg',
    purpose: 'many cameras on a Jetson',
    create: ({ ffmpeg }) => ({
      ...gstDecoder({ name: 'nvidia', ffmpeg, elements: nvidiaElements }),
      explain: explainByDevice
    })
  },
  gstreamer: {
    what: 'the same chain with software elements',
    mjpeg: 'by FFmpeg',
    purpose: 'tests, and to find out what is wrong with `nvidia`',
    create: ({ ffmpeg }) => gstDecoder({ name: 'gstreamer', ffmpeg, elements: softwareElements })
  }
} as const satisfies Record<string, DecoderRow>

export type DecoderName = keyof typeof decoders
export const decoderNames = Object.keys(decoders) as DecoderName[]

/** What this machine decodes with; asked once. */
export interface Decoders {
  ffmpeg: Ffmpeg
  /** Whether it is a Jetson with NVIDIA's elements. */
  nvidia: boolean
  /** Why a Jetson's own decoder cannot be had; absent where it can, and on other machines. */
  problem?: Failure
}

/** @throws ProgramError as `probeFfmpeg` does */
export async function probeDecoders(): Promise<Decoders> {
  const [ffmpeg, missing] = await Promise.all([probeFfmpeg(), missingElement(nvidiaElements)])
  if (missing === undefined) return { ffmpeg, nvidia: true }
  return { ffmpeg, nvidia: false, ...(hasDevice('decoder') && { problem: unusable(missing) }) }
}

/** NVIDIA's elements are not even listed where their device cannot be opened. */
function unusable(element: string): Failure {
  const missing: Failure = {
    code: 'PL-DECODER-PACKAGE',
    what: `GStreamer has no ${element}, without which this machine's own decoder cannot be used`
  }
  return explainByDevice(missing)
}

/** A device file that may not be opened is the reason, whatever GStreamer says. */
function explainByDevice(failure: Failure): Failure {
  const refused = refusedDevice('decoder')
  return refused ? { code: refused.code, what: refused.what } : failure
}

/** A decoder that was named and is not there fails camera by camera. */
export function decoderFor(name: DecoderName, found: Decoders): Decoder {
  return decoders[name].create(found)
}

/** The hardware where there is one, with ffmpeg to fall back on. */
function automatic(found: Decoders): Decoder {
  const software = decoders.ffmpeg.create(found)
  if (found.nvidia) return { ...decoders.nvidia.create(found), fallback: software }
  return found.problem ? { ...software, instead: found.problem } : software
}
