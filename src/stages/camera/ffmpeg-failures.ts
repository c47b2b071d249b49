import type { FailurePattern } from './failure.js'

const network = 'Check the cable, the address and the network to the camera; painlens goes on trying.'

/** What FFmpeg (4.4 to 7) says on standard error, most telling rows first. */
export const ffmpegFailures: readonly FailurePattern[] = [
  {
    pattern: /failed: 401|401 unauthorized|authorization failed/i,
    kind: 'unauthorized',
    what: 'the camera refuses user name or password',
    fix: "Correct them in the camera's url; painlens tries again only every few minutes, so as not to lock the account."
  },
  {
    pattern: /failed: 403|403 forbidden|access denied/i,
    kind: 'forbidden',
    what: 'the camera forbids this user the stream',
    fix: 'Allow the user live video in the settings of the camera.'
  },
  {
    pattern: /failed: 404|404 not found/i,
    kind: 'not_found',
    what: 'the camera knows no stream of that path',
    fix: "Look up the RTSP path in the camera's manual and correct the url."
  },
  {
    pattern: /connection refused/i,
    kind: 'refused',
    what: 'nobody listens on that port',
    fix: 'Check host and port in the url, and that RTSP is switched on in the camera.'
  },
  {
    pattern: /no route to host|network is unreachable|host is down/i,
    kind: 'no_route',
    what: 'there is no way to the camera',
    fix: network
  },
  {
    pattern: /failed to resolve|name or service not known|name resolution|nodename nor servname/i,
    kind: 'unknown_host',
    what: "the camera's host name is unknown",
    fix: 'Correct the host in the url, or give its IP address.'
  },
  {
    pattern: /nonmatching transport|failed: 461/i,
    kind: 'transport',
    what: 'the camera does not send RTP over TCP',
    fix: 'Allow RTP over RTSP (TCP, interleaved) in the settings of the camera.'
  },
  {
    pattern: /timed out/i,
    kind: 'timeout',
    what: 'the camera does not answer',
    fix: network
  },
  {
    pattern:
      /decoder (\([^()]*\) |[^ ()]+ )?not found|no decoder|unknown codec|unsupported codec|could not find codec parameters/i,
    kind: 'unsupported_codec',
    what: 'the stream is of a kind that this FFmpeg cannot decode',
    fix: 'Set the camera to H.264, H.265 or MJPEG.'
  },
  {
    pattern: /matches no streams|does not contain any stream/i,
    kind: 'no_video',
    what: 'the stream has no video',
    fix: "Correct the path in the url to the camera's video stream."
  },
  {
    pattern: /failed: 5\d\d|5XX server error/i,
    kind: 'server_error',
    what: 'the camera answers with an error of its own',
    fix: 'Restart the camera if it goes on; it may also have too many viewers.'
  },
  {
    pattern: /invalid data found|protocol not found|not on whitelist/i,
    kind: 'invalid_data',
    what: 'what it sends is no video stream',
    fix: 'Check that the url leads to a camera.'
  },
  {
    pattern: /end of file|connection reset|broken pipe|input\/output error/i,
    kind: 'closed',
    what: 'the camera has closed the connection',
    fix: network
  }
]
