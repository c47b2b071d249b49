import { refusals } from '../../core/devices.js'
import type { FailurePattern } from './failure.js'
import { ffmpegFailures } from './ffmpeg-failures.js'

/** Of a device; FFmpeg may say the same of the network, where a firewall refuses the camera. */
const ofDevice = (words: string): RegExp => new RegExp(`(?:/dev/|device|system error).*${words}`, 'i')

const otherDecoder = 'Set decoder: ffmpeg for this camera to go on without it.'

/** What gst-launch-1.0 (1.16 to 1.24) says before FFmpeg's own complaints count: those would only be about the pipe. */
const gstFirst: readonly FailurePattern[] = [
  {
    pattern: /no element "|no property "|could not set property|erroneous pipeline/i,
    kind: 'decoder_missing',
    what: 'GStreamer lacks an element of this decoder, or has another version of it',
    fix: 'nvidia needs a Jetson with its nvidia-l4t-gstreamer, gstreamer needs gstreamer1.0-libav; both need gstreamer1.0-plugins-bad. Or set decoder: auto.'
  },
  {
    pattern: ofDevice('operation not permitted'),
    kind: 'decoder_unusable',
    what: `the decoder of this machine cannot be opened: ${refusals.EPERM.what}`,
    fix: `${refusals.EPERM.fix} ${otherDecoder}`
  },
  {
    pattern: ofDevice('permission denied'),
    kind: 'decoder_unusable',
    what: `the decoder of this machine cannot be opened: ${refusals.EACCES.what}`,
    fix: `${refusals.EACCES.fix} ${otherDecoder}`
  },
  {
    pattern: /cannot (open|identify) device|could not open device|error getting capabilities/i,
    kind: 'decoder_unusable',
    what: 'the decoder of this machine cannot be opened',
    fix: `See whether its device files (/dev/nvhost-nvdec, /dev/nvmap) are there, and restart the machine if not. ${otherDecoder}`
  },
  {
    pattern:
      /resource busy|resource temporarily|failed to allocate|cannot allocate|out of memory|not enough (memory|buffers)|could not get.set settings/i,
    kind: 'decoder_unusable',
    what: 'the decoder of this machine has no room for one more stream',
    fix: `Choose smaller streams or fewer cameras. ${otherDecoder}`
  }
]

const gstLast: readonly FailurePattern[] = [
  {
    pattern: /no valid frames|broken bit stream|could not decode|no h.?26\d|not-negotiated|failed to (parse|decode)/i,
    kind: 'invalid_data',
    what: 'the decoder finds no picture in what the camera sends',
    fix: `Set the camera to H.264 or H.265 in an ordinary profile (4:2:0, 8 bit). ${otherDecoder}`
  }
]

/** FFmpeg's rows are about the camera. That the pipe to the decoder broke is none of the camera's doing. */
const aboutCamera = ffmpegFailures.map((row) =>
  row.kind === 'closed' ? { ...row, pattern: /end of file|connection reset|input\/output error/i } : row
)

/** What the two programs of `gstDecoder` say on standard error, most telling rows first. */
export const gstFailures: readonly FailurePattern[] = [...gstFirst, ...aboutCamera, ...gstLast]
