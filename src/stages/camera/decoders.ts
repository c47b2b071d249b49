import { hasDevice, refusedDevice } from '../../core/devices.js'
import type { Decoder } from './decoder.js'
import type { Failure } from './failure.js'
import { ffmpegDecoder } from './ffmpeg-decoder.js'
import { type Ffmpeg, probeFfmpeg } from './ffmpeg-probe.js'
import { gstDecoder } from './gst-decoder.js'
import { nvidiaElements, softwareElements } from './gst-elements.js'
import { missingElement } from './gst-probe.js'

/** As the config names them. */
export const decoderNames = ['auto', 'ffmpeg', 'nvidia', 'gstreamer'] as const
export type DecoderName = (typeof decoderNames)[number]

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
    kind: 'decoder_missing',
    what: `GStreamer has no ${element}, without which this machine's own decoder cannot be used`,
    fix: 'Install what is missing (sudo apt-get install gstreamer1.0-tools gstreamer1.0-plugins-bad nvidia-l4t-gstreamer) and restart painlens, or set decoder: ffmpeg.'
  }
  return explainByDevice(missing)
}

/** A device file that may not be opened is the reason, whatever GStreamer says. */
function explainByDevice(failure: Failure): Failure {
  const refused = refusedDevice('decoder')
  return refused ? { kind: 'decoder_unusable', what: refused.what, fix: refused.fix } : failure
}

/**
 * `auto` is the hardware where there is one, with ffmpeg to fall back on. A decoder that was named and is not there fails
 * camera by camera.
 */
export function decoderFor(name: DecoderName, { ffmpeg, nvidia, problem }: Decoders): Decoder {
  const software = ffmpegDecoder(ffmpeg)
  if (name === 'ffmpeg') return software
  if (name === 'gstreamer') return gstDecoder({ name, ffmpeg, elements: softwareElements })
  if (name === 'auto' && !nvidia) return problem ? { ...software, instead: problem } : software
  const hardware = {
    ...gstDecoder({ name: 'nvidia', ffmpeg, elements: nvidiaElements }),
    explain: explainByDevice
  }
  return name === 'auto' ? { ...hardware, fallback: software } : hardware
}
