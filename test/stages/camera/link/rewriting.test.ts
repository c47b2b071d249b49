import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Addresses, chooseTrack, localDescription, localHeaders } from '../../../../src/stages/camera/link/rewriting.js'

const base = 'rtsp://127.0.0.1:40000/0123456789abcdef0123456789abcdef'
const own = 'rtsp://192.0.2.10:554'

describe('Addresses', () => {
  const origin = fc.constantFrom(own, 'rtsp://cam', 'rtsp://10.0.0.5:8554', 'rtsps://[fe80::1]:322')
  const rest = fc.stringMatching(/^(\/[a-zA-Z0-9=&?#.%/_-]{0,20})?$/)

  it('come back as the camera gave them, whatever the decoder does behind their origin', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(origin, rest, rest), { maxLength: 8 }), (stated) => {
        const addresses = new Addresses(own)
        for (const [server, path, more] of stated) {
          const local = addresses.toLocal(`${server}${path}`, base)
          expect(local.startsWith(`${base}/`)).toBe(true)
          expect(addresses.toCamera(`${local}${more}`, base)).toBe(`${server}${path}${more}`)
        }
      })
    )
  })

  it('hold no login of the camera’s, towards either side', () => {
    const addresses = new Addresses(own)
    const local = addresses.toLocal('rtsp://admin:se@cret@192.0.2.10:554/a', base)
    expect(local).toBe(`${base}/0/a`)
    expect(addresses.toCamera(local, base)).toBe(`${own}/a`)
  })

  it('of others stay as they are, and a camera that names thousands of servers is not remembered', () => {
    const addresses = new Addresses(own)
    expect(addresses.toCamera('*', base)).toBe('*')
    expect(addresses.toCamera(`${base}/99/a`, base)).toBe(`${base}/99/a`)
    for (let index = 0; index < 5000; index++) addresses.toLocal(`rtsp://cam${index}/a`, base)
    expect(addresses.toLocal('rtsp://another/a', base)).toBe(`${base}/0/a`)
  })

  it('are replaced in each header, RTP-Info’s list included, and in the controls of a description', () => {
    const addresses = new Addresses(own)
    const headers = localHeaders(
      [
        ['Content-Base', `${own}/live/`],
        ['RTP-Info', `url=${own}/live/1;seq=1,url=${own}/live/2;seq=2`]
      ],
      addresses,
      base
    )
    expect(headers).toEqual([
      ['Content-Base', `${base}/0/live/`],
      ['RTP-Info', `url=${base}/0/live/1;seq=1,url=${base}/0/live/2;seq=2`]
    ])
    const sdp = 'v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=control:rtsp://10.0.0.5/live/trackID=1\r\n'
    expect(localDescription(sdp, addresses, base)).toBe(
      `v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=control:${base}/1/live/trackID=1\r\n`
    )
  })
})

describe('chooseTrack', () => {
  const track = (name: string, ...lines: string[]): string[] => [
    'm=video 0 RTP/AVP 96',
    'a=rtpmap:96 h264/90000',
    `a=control:${name}`,
    ...lines
  ]
  const description = (...sections: string[][]): string =>
    ['v=0', 's=x', ...sections.flat(), 'm=audio 0 RTP/AVP 0', 'a=control:sound', ''].join('\r\n')
  const chosen = (sdp: string, wanted: number | 'auto'): string[] => {
    const found = chooseTrack(sdp, wanted)
    return 'sdp' in found ? [...found.sdp.matchAll(/a=control:(\w+)/g)].map(([, name]) => name!) : []
  }

  it.each([
    ['the first by itself', description(track('a'), track('b')), 'auto', ['a', 'sound']],
    ['the second where it is asked for', description(track('a'), track('b')), 2, ['b', 'sound']],
    [
      'the largest, by whichever line tells it',
      description(
        track('a', 'a=framesize:96 640-360'),
        track('b', 'a=x-dimensions: 1920, 1080'),
        track('c', 'a=cliprect:0,0,720,1280')
      ),
      'auto',
      ['b', 'sound']
    ]
  ] as const)('keeps %s, and tracks other than video', (_what, sdp, wanted, kept) => {
    expect(chosen(sdp, wanted)).toEqual(kept)
  })

  it('tells how many there are, and the codec of the one that is kept', () => {
    expect(chooseTrack(description(track('a'), track('b')), 1)).toMatchObject({ tracks: 2, encoding: 'H264' })
    expect(chooseTrack(description(track('a')), 3)).toEqual({ tracks: 1 })
    expect(chooseTrack(description(), 'auto')).toEqual({ tracks: 0 })
    expect(chooseTrack('m=video 0 RTP/AVP 26\n', 'auto')).toMatchObject({ encoding: 'JPEG' })
  })
})
