import { refusals } from '../../core/devices.js'
import type { FailurePattern } from './failure.js'
import { ffmpegFailures } from './ffmpeg-failures.js'

/** Of a device; FFmpeg may say the same of the network, where a firewall refuses the camera. */
const ofDevice = (words: string): RegExp => new RegExp(`(?:/dev/|device|system error).*${words}`, 'i')

/** What gst-launch-1.0 (1.16 to 1.24) says before FFmpeg's own complaints count: those would only be about the pipe. */
const gstFirst: readonly FailurePattern[] = [
  {
    pattern: /no element "|no property "|could not set property|erroneous pipeline/i,
    code: 'PL-DECODER-ELEMENT',
    what: 'GStreamer lacks an element of this decoder, or has another version of it'
  },
  {
    pattern: ofDevice('operation not permitted'),
    code: refusals.EPERM.code,
    what: `the decoder of this machine cannot be opened: ${refusals.EPERM.what}`
  },
  {
    pattern: ofDevice('permission denied'),
    code: refusals.EACCES.code,
    what: `the decoder of this machine cannot be opened: ${refusals.EACCES.what}`
  },
  {
    pattern: /cannot (open|identify) device|could not open device|error getting capabilities/i,
    code: 'PL-DECODER-DEVICE',
    what: 'the decoder of this machine cannot be opened'
  },
  {
    pattern:
      /resource busy|resource temporarily|failed to allocate|cannot allocate|out of memory|not enough (memory|buffers)|could not get.set settings/i,
    code: 'PL-DECODER-FULL',
    what: 'the decoder of this machine has no room for one more stream'
  }
]

const gstLast: readonly FailurePattern[] = [
  {
    pattern: /no valid frames|broken bit stream|could not decode|no h.?26\d|not-negotiated|failed to (parse|decode)/i,
    code: 'PL-DECODER-NO-PICTURE',
    what: 'the decoder finds no picture in what the camera sends'
  }
]

/** FFmpeg's rows are about the camera. That the pipe to the decoder broke is none of the camera's doing. */
const aboutCamera = ffmpegFailures.map((row) =>
  row.code === 'PL-CAMERA-CLOSED' ? { ...row, pattern: /end of file|connection reset|input\/output error/i } : row
)

/** What the two programs of `gstDecoder` say on standard error, most telling rows first. */
export const gstFailures: readonly FailurePattern[] = [...gstFirst, ...aboutCamera, ...gstLast]
