import { headerOf, type RtspHeaders } from './rtsp-messages.js'

const origin = /\brtsps?:\/\/[^/?#\s;,"<>]*/gi
/** A camera names one or two servers; the table is bounded, so that a hostile one cannot fill memory. */
const mostOrigins = 16

/**
 * Addresses both ways. Each server that a camera's answers name has a number, so that requests name it as the
 * camera does, which need not be the address at which painlens reaches it. `base` is `rtsp://127.0.0.1:PORT/SECRET`.
 */
export class Addresses {
  readonly #origins: string[]

  /** @param own the camera's origin as the config has it: `rtsp://192.0.2.10:554` */
  constructor(own: string) {
    this.#origins = [own]
  }

  /** @param text with addresses in it, or one */
  toLocal(text: string, base: string): string {
    return text.replace(origin, (stated) => `${base}/${this.#numberOf(stated)}`)
  }

  /** An address that is not one of ours stays as it is. */
  toCamera(uri: string, base: string): string {
    const [, number, rest] = (uri.startsWith(`${base}/`) && /^(\d+)(.*)$/s.exec(uri.slice(base.length + 1))) || []
    const stated = this.#origins[Number(number)]
    return stated === undefined ? uri : `${stated}${rest}`
  }

  /** A login in an address is left out: neither the decoder nor the camera needs it. */
  #numberOf(stated: string): number {
    const server = stated.slice(stated.lastIndexOf('@') + 1)
    const bare = server === stated ? stated : `${stated.slice(0, stated.indexOf('//') + 2)}${server}`
    const known = this.#origins.indexOf(bare)
    if (known >= 0) return known
    return this.#origins.length < mostOrigins ? this.#origins.push(bare) - 1 : 0
  }
}

/** Content-Base, Content-Location, RTP-Info, and whatever else names an address. */
export const localHeaders = (headers: RtspHeaders, addresses: Addresses, base: string): RtspHeaders =>
  headers.map(([name, value]) => [name, addresses.toLocal(value, base)] as const)

/** `a=control` may hold a whole address. */
export const localDescription = (sdp: string, addresses: Addresses, base: string): string =>
  sdp.replace(/^a=control:.*$/gim, (line) => addresses.toLocal(line, base))

export const isDescription = (headers: RtspHeaders): boolean =>
  /^application\/sdp\b/i.test(headerOf(headers, 'content-type') ?? '')

export interface ChosenTrack {
  /** The session description with no other track of video than the one that was chosen. */
  sdp: string
  /** How many there are. */
  tracks: number
  /** Of the one that was chosen, in upper case, as in a=rtpmap (`H264`); `` where it is not told. */
  encoding: string
}

/**
 * @param wanted its number, from 1 on; `auto`: the largest, where they tell their sizes, else the first
 * @returns the number of tracks of video alone, where that one is not there
 */
export function chooseTrack(sdp: string, wanted: number | 'auto'): ChosenTrack | { tracks: number } {
  const lines = sdp.split(/\r\n|\n|\r/)
  const begins = lines.flatMap((line, index) => (line.startsWith('m=') ? [index] : []))
  const sections = begins.map((begin, index) => lines.slice(begin, begins[index + 1]))
  const videos = sections.filter(([media]) => /^m=video /i.test(media!))
  const chosen = wanted === 'auto' ? largest(videos) : videos[wanted - 1]
  if (!chosen) return { tracks: videos.length }
  const kept = sections.filter((section) => section === chosen || !videos.includes(section))
  const all = [...lines.slice(0, begins[0]), ...kept.flat()]
  return {
    sdp: `${all.filter((line) => line !== '').join('\r\n')}\r\n`,
    tracks: videos.length,
    encoding: encodingOf(chosen)
  }
}

function largest(videos: readonly string[][]): string[] | undefined {
  const pixels = videos.map(pixelsOf)
  return videos[Math.max(0, pixels.indexOf(Math.max(...pixels)))]
}

/** The ways in which cameras tell it: `a=framesize:96 1920-1080` (3GPP), `a=x-dimensions:1920,1080`, `a=cliprect:0,0,1080,1920`. */
const sizes = [
  /^a=framesize:\d+ (\d{1,5})-(\d{1,5})/i,
  /^a=x-dimensions: ?(\d{1,5}), ?(\d{1,5})/i,
  /^a=cliprect:\d+,\d+,(\d{1,5}),(\d{1,5})/i
]

function pixelsOf(section: readonly string[]): number {
  for (const line of section)
    for (const size of sizes) {
      const [, width, height] = size.exec(line) ?? []
      if (width) return Number(width) * Number(height)
    }
  return 0
}

/** Payload type 26 is JPEG without an rtpmap line (RFC 3551). */
function encodingOf(section: readonly string[]): string {
  for (const line of section) {
    const named = /^a=rtpmap:\d+ ([^/\s]+)/i.exec(line)?.[1]
    if (named) return named.toUpperCase()
  }
  return / 26(\s|$)/.test(section[0] ?? '') ? 'JPEG' : ''
}
