import { describe, expect, it } from 'vitest'
import { DamageMarks } from '../../../src/stages/camera/damage.js'

const fps = 2

/** Lines that FFmpeg 5.1 wrote. */
const missed = '[rtsp @ 0x558d0f91ddc0] RTP: missed 1 packets'
const key =
  '[showinfo@key @ 0x558d0f986940] n:   1 pts:  90000 pts_time:1       pos:       -1 fmt:yuv420p sar:1/1 s:640x360 i:P iskey:1 type:I '
const picture =
  '[showinfo@out @ 0x558d0f9ba880] n:  11 pts: 198000 pts_time:2.2     pos:       -1 fmt:yuv420p sar:1/1 s:640x360 i:P iskey:0 type:P '
const keyPacket = '0,          0,          0,        1,    16772, 0x7f42b36b'
const packet = '0,          1,          1,        1,     8375, 0x212b0eb0, F=0x0'

const complaints = [
  missed,
  '[rtsp @ 0x55] Missing packets; dropping frame.',
  '[h264 @ 0x55] error while decoding MB 12 20, bytestream -7',
  '[h264 @ 0x55] concealing 132 DC, 132 AC, 132 MV errors in P frame',
  '[h264 @ 0x55] reference picture missing during reorder',
  '[h264 @ 0x55] Missing reference picture, default is 65562',
  '[h264 @ 0x55] decode_slice_header error',
  '[h264 @ 0x55] non-existing PPS 0 referenced',
  '[hevc @ 0x55] Could not find ref with POC 42',
  '[hevc @ 0x55] Error constructing the frame RPS.',
  '[mjpeg @ 0x55] error dc',
  '[mjpeg @ 0x55] error y=7 x=3',
  '[mjpeg @ 0x55] overread 8',
  'pipe:0: corrupt decoded frame in stream 0',
  '[vist#0:0/h264 @ 0x55] corrupt decoded frame',
  'Error while decoding stream #0:0: Invalid data found when processing input',
  '[vist#0:0/h264 @ 0x55] Error submitting packet to decoder: Invalid data found when processing input'
]

/** Of streams in order. */
const harmless = [
  '[rtsp @ 0x55] jitter buffer full',
  '[rtsp @ 0x55] Stream #0: not enough frames to estimate rate; consider increasing probesize',
  '[swscaler @ 0x55] deprecated pixel format used, make sure you did set range correctly',
  '[mjpeg @ 0x55] EOI missing, emulating',
  '[mjpeg @ 0x55] unable to decode APP fields: Invalid data found when processing input',
  '[h264 @ 0x55] SEI type 5 size 840 truncated at 816',
  '[h264 @ 0x55] Invalid NAL unit 0, skipping.',
  '  Stream #0:0: Video: h264 (Main), yuv420p(progressive), 640x360 [SAR 1:1 DAR 16:9], 25 tbr, 90k tbn'
]

/** Which pictures are damaged, 40 ms apart unless told otherwise. */
function marksOf(lines: readonly string[], apartMs = 40): boolean[] {
  const marks = new DamageMarks(fps)
  const taken: boolean[] = []
  for (const [i, line] of lines.entries()) {
    marks.hear(line, i * apartMs)
    if (line === picture) taken.push(marks.take(i * apartMs))
  }
  return taken
}

describe('the pictures of a stream', () => {
  it.each(complaints)('are damaged after %s', (line) => {
    expect(marksOf([key, picture, line, picture, picture, picture])).toEqual([false, true, true, true])
  })

  it.each(harmless)('are whole after %s', (line) => {
    expect(marksOf([key, picture, line, picture])).toEqual([false, false])
  })

  it('are whole again from a key frame on that the complaint cannot be about', () => {
    expect(marksOf([missed, picture, picture, key, picture, picture])).toEqual([true, true, false, false])
  })

  it('stay damaged after a key frame that may be the damaged picture itself', () => {
    expect(marksOf([missed, key, picture, picture, key, picture])).toEqual([true, true, false])
    expect(marksOf([missed, picture, key, picture, picture, key, picture])).toEqual([true, true, true, false])
  })

  it('are whole again 8 s after the last complaint where no key frame comes', () => {
    const marks = marksOf([missed, picture, missed, ...Array.from({ length: 10 }, () => picture)], 1000)
    expect(marks).toEqual([true, ...Array.from({ length: 8 }, () => true), false, false])
  })

  it('are matched with what was said of each, however much later they come', () => {
    const marks = new DamageMarks(fps)
    for (const line of [picture, missed, picture, picture, key, picture]) marks.hear(line, 0)
    expect([1, 2, 3, 4].map((at) => marks.take(at))).toEqual([false, true, true, false])
  })
})

describe('pictures of which nothing is said one by one', () => {
  const takenAfter = (lines: readonly string[]) => {
    const marks = new DamageMarks(fps)
    for (const line of lines) marks.hear(line, 0)
    return [100, 900, 1100].map((at) => marks.take(at))
  }

  it('are whole before any complaint', () => {
    expect(takenAfter([keyPacket, packet, packet, keyPacket])).toEqual([false, false, false])
  })

  it('are damaged until some packets after the key frame, for pictures from before it may still be under way', () => {
    const late = [packet, packet, packet, packet]
    expect(takenAfter([missed, ...late, ...late])).toEqual([true, true, true])
    expect(takenAfter([missed, packet, packet, keyPacket, packet, packet, packet])).toEqual([true, true, true])
    expect(takenAfter([missed, packet, packet, keyPacket, ...late])).toEqual([true, true, false])
    expect(takenAfter([missed, keyPacket, ...late])).toEqual([true, true, true])
    expect(takenAfter([missed, packet, packet, keyPacket, packet, missed, ...late])).toEqual([true, true, true])
  })

  it('are damaged for as many as come in a second, should none come for longer than that and then many at once', () => {
    const marks = new DamageMarks(fps)
    for (const line of [missed, packet, packet, keyPacket, packet, packet, packet, packet]) marks.hear(line, 0)
    expect([3000, 3000, 3000].map((at) => marks.take(at))).toEqual([true, true, false])
  })
})
