import type { Failure } from '../decoder.js'
import { asksForCertificate, wantsCertificate } from './camera-socket.js'

/** What a status that is no success means (RFC 2326, 7.1.1; RFC 9110, 15). */
const statuses: Readonly<Record<number, Failure>> = {
  403: { code: 'PL-CAMERA-FORBIDDEN', what: 'the camera forbids this user the stream' },
  404: { code: 'PL-CAMERA-PATH', what: 'the camera knows no stream of that path' },
  410: { code: 'PL-CAMERA-PATH', what: 'the camera knows no stream of that path any more' },
  453: { code: 'PL-CAMERA-VIEWERS', what: 'the camera has too many viewers' },
  461: { code: 'PL-CAMERA-TRANSPORT', what: 'the camera does not send RTP over TCP' }
}

/** @param method that the camera has answered so */
export function statusFailure(status: number, method: string): Failure {
  const known = statuses[status]
  if (known) return known
  if (status >= 300 && status < 400) return redirected(`answers ${method} with ${status}`)
  if (status >= 500)
    return { code: 'PL-CAMERA-FAULT', what: `the camera answers ${method} with an error of its own (${status})` }
  return { code: 'PL-CAMERA-ANSWER', what: `the camera does not take ${method} (${status})` }
}

/** Where to is not told: a hostile camera would write into logs and alarms. */
export const redirected = (how: string): Failure => ({
  code: 'PL-CAMERA-REDIRECT',
  what: `the camera sends painlens to another address (${how}), where it does not go`
})

/**
 * @param answered the last request that was answered
 * @param begun bytes of the answer have come, and not all of it
 */
export function silent(method: string, answered: string | undefined, begun: boolean): Failure {
  if (begun)
    return { code: 'PL-CAMERA-SLOW-ANSWER', what: `the camera's answer to ${method} comes too slowly to be waited for` }
  if (answered === undefined)
    return { code: 'PL-CAMERA-SILENT', what: 'the camera takes the connection and answers nothing' }
  return { code: 'PL-CAMERA-STUCK', what: `the camera has answered ${answered}, and is silent after ${method}` }
}

/**
 * @param method that it was asked; undefined before anything was
 * @param error of the connection, if it had one
 */
export function hungUp(method: string | undefined, error: unknown): Failure {
  if (asksForCertificate(error)) return wantsCertificate
  const when = method === undefined ? 'at once' : `when it is asked for ${method}`
  return { code: 'PL-CAMERA-HANGS-UP', what: `the camera hangs up ${when}` }
}

export const ended: Failure = { code: 'PL-CAMERA-ENDED', what: 'the camera has ended the stream' }
export const notVideo: Failure = { code: 'PL-CAMERA-NOT-VIDEO', what: 'what it sends is no video stream' }

export function missingTrack(wanted: number | 'auto', tracks: number): Failure {
  if (tracks === 0 || wanted === 'auto') return { code: 'PL-CAMERA-NO-VIDEO', what: 'the stream has no video' }
  const there = tracks === 1 ? 'one video track' : `${tracks} video tracks`
  return { code: 'PL-CAMERA-TRACK', what: `the stream has ${there}, and video_track is ${wanted}` }
}
