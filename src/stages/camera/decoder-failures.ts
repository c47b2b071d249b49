import { refusals } from '../../core/devices.js'
import type { FailurePattern } from './decoder.js'

/** What FFmpeg (4.4 to 7) says on standard error, most telling rows first. */
export const ffmpegFailures: readonly FailurePattern[] = [
  {
    pattern: /failed: 401|401 unauthorized|authorization failed/i,
    code: 'PL-CAMERA-LOGIN',
    what: 'the camera refuses user name or password'
  },
  {
    pattern: /failed: 403|403 forbidden|access denied/i,
    code: 'PL-CAMERA-FORBIDDEN',
    what: 'the camera forbids this user the stream'
  },
  {
    pattern: /failed: 404|404 not found/i,
    code: 'PL-CAMERA-PATH',
    what: 'the camera knows no stream of that path'
  },
  {
    pattern: /connection refused/i,
    code: 'PL-CAMERA-REFUSED',
    what: 'nothing listens on that port'
  },
  {
    pattern: /no route to host|network is unreachable|host is down/i,
    code: 'PL-CAMERA-UNREACHABLE',
    what: 'there is no way to the camera'
  },
  {
    pattern: /failed to resolve|name or service not known|name resolution|nodename nor servname/i,
    code: 'PL-CAMERA-HOST',
    what: "the camera's host name is unknown"
  },
  {
    pattern: /nonmatching transport|failed: 461/i,
    code: 'PL-CAMERA-TRANSPORT',
    what: 'the camera does not send RTP over TCP'
  },
  {
    pattern: /timed out/i,
    code: 'PL-CAMERA-TIMEOUT',
    what: 'the camera does not answer'
  },
  {
    pattern:
      /decoder (\([^()]*\) |[^ ()]+ )?not found|no decoder|unknown codec|unsupported codec|could not find codec parameters/i,
    code: 'PL-CAMERA-CODEC',
    what: 'the stream is of a kind that this FFmpeg cannot decode'
  },
  {
    pattern: /matches no streams|does not contain any stream/i,
    code: 'PL-CAMERA-NO-VIDEO',
    what: 'the stream has no video'
  },
  {
    pattern: /failed: 5\d\d|5XX server error/i,
    code: 'PL-CAMERA-FAULT',
    what: 'the camera answers with an error of its own'
  },
  {
    pattern: /invalid data found|protocol not found|not on whitelist/i,
    code: 'PL-CAMERA-NOT-VIDEO',
    what: 'what it sends is no video stream'
  },
  {
    pattern: /end of file|connection reset|broken pipe|input\/output error/i,
    code: 'PL-CAMERA-CLOSED',
    what: 'the camera has closed the connection'
  }
]

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

/** FFmpeg's rows are about the camera. That the pipe to the decoder broke is not the camera's doing. */
const aboutCamera = ffmpegFailures.map((row) =>
  row.code === 'PL-CAMERA-CLOSED' ? { ...row, pattern: /end of file|connection reset|input\/output error/i } : row
)

/** What the two programs of `gstDecoder` say on standard error, most telling rows first. */
export const gstFailures: readonly FailurePattern[] = [...gstFirst, ...aboutCamera, ...gstLast]
