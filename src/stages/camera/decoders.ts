import type { Decoder } from './decoder.js'
import { ffmpegDecoder } from './ffmpeg-decoder.js'
import { type Ffmpeg, probeFfmpeg } from './ffmpeg-probe.js'
import { gstDecoder } from './gst-decoder.js'
import { nvidiaElements, softwareElements } from './gst-elements.js'
import { hasElements } from './gst-probe.js'

/** As the config names them. */
export const decoderNames = ['auto', 'ffmpeg', 'nvidia', 'gstreamer'] as const
export type DecoderName = (typeof decoderNames)[number]

/** What this machine decodes with; asked once. */
export interface Decoders {
  ffmpeg: Ffmpeg
  /** Whether it is a Jetson with NVIDIA's elements. */
  nvidia: boolean
}

/** @throws ProgramError as `probeFfmpeg` does */
export async function probeDecoders(): Promise<Decoders> {
  const [ffmpeg, nvidia] = await Promise.all([probeFfmpeg(), hasElements(nvidiaElements)])
  return { ffmpeg, nvidia }
}

/** `auto` is the hardware where there is one. A decoder that was named and is not there fails camera by camera. */
export function decoderFor(name: DecoderName, { ffmpeg, nvidia }: Decoders): Decoder {
  const chosen = name === 'auto' ? (nvidia ? 'nvidia' : 'ffmpeg') : name
  if (chosen === 'ffmpeg') return ffmpegDecoder(ffmpeg)
  const elements = chosen === 'nvidia' ? nvidiaElements : softwareElements
  return gstDecoder({ name: chosen, ffmpeg, elements })
}
