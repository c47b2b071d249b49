import { describe, expect, it } from 'vitest'
import { cameraShape, ratioText, toldShape } from '../../../src/stages/camera/picture-shape.js'

describe('what a decoder reports of the shape of its pictures', () => {
  it.each([
    [
      '[showinfo@out @ 0x55] n:  11 pts: 198000 pts_time:2.2     pos:       -1 fmt:yuv420p sar:16/11 s:704x576 i:P iskey:0 type:P ',
      { width: 704, height: 576, sampleAspect: 16 / 11 }
    ],
    [
      '[showinfo@key @ 0x55] n:   0 pts:      0 pts_time:0       pos:       -1 fmt:yuvj420p sar:0/1 s:640x360 i:P iskey:1 type:I ',
      { width: 640, height: 360, sampleAspect: 1 }
    ],
    ['[showinfo@key @ 0x55]   side data - displaymatrix: rotation of -90.00 degrees', { rotation: 90 }],
    ['[showinfo@key @ 0x55]   side data - displaymatrix: rotation of 0.00 degrees', { rotation: 0 }],
    [
      '/GstPipeline:pipeline0/GstVideoRate:videorate0.GstPad:src: caps = video/x-raw, format=(string)I420, width=(int)480, height=(int)360, interlace-mode=(string)progressive, pixel-aspect-ratio=(fraction)4/3, framerate=(fraction)5/1',
      { width: 480, height: 360, sampleAspect: 4 / 3 }
    ],
    [
      '/GstPipeline:pipeline0/GstVideoRate:videorate0.GstPad:src: caps = video/x-raw(memory:NVMM), width=(int)1920, height=(int)1080, format=(string)NV12, framerate=(fraction)5/1',
      { width: 1920, height: 1080, sampleAspect: 1 }
    ]
  ])('is read from %s', (line, shape) => {
    expect(toldShape(line)).toEqual(shape)
  })

  it.each([
    '[showinfo@key @ 0x55]   side data - displaymatrix: rotation of 45.00 degrees',
    '[showinfo@key @ 0x55] color_range:tv color_space:unknown color_primaries:unknown color_trc:unknown',
    '/GstPipeline:pipeline0/GstVideoScale:videoscale0.GstPad:src: caps = video/x-raw, width=(int)640, height=(int)360',
    '  Stream #0:0: Video: h264 (Main), yuv420p(progressive), 640x360 [SAR 1:1 DAR 16:9], 25 tbr, 90k tbn'
  ])('is not read from %s', (line) => {
    expect(toldShape(line)).toBeUndefined()
  })
})

describe('the shape of a camera', () => {
  it('is unknown before its size is', () => {
    expect(cameraShape({ rotation: 90 }, {})).toBeNull()
  })

  it('has the picture in square pixels, turned as the stream says unless the config does', () => {
    const stream = { width: 704, height: 576, sampleAspect: 16 / 11, rotation: 90 } as const
    const coded = { width: 704, height: 576 }
    const told = { coded, sampleAspect: 16 / 11, rotation: 90, picture: { width: 576, height: 1024 } }
    expect(cameraShape(stream, {})).toEqual(told)
    const upright = { coded, sampleAspect: 16 / 11, rotation: 0, picture: { width: 1024, height: 576 } }
    expect(cameraShape(stream, { rotation: 0 })).toEqual(upright)
  })
})

describe('the shape of a pixel', () => {
  it.each([
    [1, '1:1'],
    [16 / 11, '16:11'],
    [40 / 33, '40:33'],
    [1 / 2, '1:2'],
    [Math.PI / 4000, '0.001:1']
  ])('%f is written as %s', (aspect, text) => {
    expect(ratioText(aspect)).toBe(text)
  })
})
