import { describe, expect, it } from 'vitest'
import { beginsKeyFrame } from '../../src/lib/rtp.js'

const rtp = (...payload: number[]): Buffer => Buffer.from([0x80, 0xe0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, ...payload])
const h265 = (type: number): number => type << 1

describe('beginsKeyFrame', () => {
  it.each([
    ['H264', 'an IDR picture', [0x65, 1], true],
    ['H264', 'a sequence parameter set', [0x67, 1], true],
    ['H264', 'another picture', [0x41, 1], false],
    ['H264', 'the first fragment of an IDR picture', [0x7c, 0x85, 1], true],
    ['H264', 'a later fragment of it', [0x7c, 0x05, 1], false],
    ['H264', 'the first fragment of another picture', [0x7c, 0x81, 1], false],
    ['H264', 'parameter sets in one packet', [0x78, 0, 2, 0x06, 1, 0, 2, 0x67, 1], true],
    ['H264', 'other units in one packet', [0x78, 0, 2, 0x06, 1, 0, 2, 0x41, 1], false],
    ['H264', 'an aggregation that lies about its length', [0x78, 0xff, 0xff, 0x41], false],
    ['H265', 'an IDR picture', [h265(19), 1, 9], true],
    ['H265', 'a video parameter set', [h265(32), 1, 9], true],
    ['H265', 'another picture', [h265(1), 1, 9], false],
    ['H265', 'the first fragment of a CRA picture', [h265(49), 1, 0x80 | 21], true],
    ['H265', 'a later fragment of it', [h265(49), 1, 21], false],
    ['H265', 'parameter sets in one packet', [h265(48), 1, 0, 2, h265(33), 1], true],
    ['JPEG', 'the beginning of a picture', [0, 0, 0, 0, 1, 80, 40, 30], true],
    ['JPEG', 'the rest of it', [0, 0, 5, 0, 1, 80, 40, 30], false],
    ['VP8', 'what it does not know', [1], true]
  ])('the start of a key frame is recognised: %s: %s', (encoding, _what, payload, expected) => {
    expect(beginsKeyFrame(encoding, rtp(...payload))).toBe(expected)
  })

  it('a key frame is recognised behind a header extension and contributing sources', () => {
    const packet = Buffer.from([
      0x91, 0xe0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 9, 9, 9, 9, 0xbe, 0xde, 0, 1, 7, 7, 7, 7, 0x65
    ])
    expect(beginsKeyFrame('H264', packet)).toBe(true)
  })

  it('a truncated packet is not taken for a key frame', () => {
    expect(beginsKeyFrame('H264', Buffer.from([0x80, 0xe0]))).toBe(false)
    expect(beginsKeyFrame('H264', Buffer.from([0x90, 0xe0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0]))).toBe(false)
  })
})
