import { connectAsync } from 'mqtt'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { CameraShapeHealth, ObservationMessage } from '../../src/contract/messages.js'
import { silentLog } from '../../src/core/log.js'
import type { Polygon, Size } from '../../src/core/types.js'
import { createIdentity, createScene, type Rendered } from '../../src/show/render/index.js'
import { startFeed } from '../../src/show/simulate/feed.js'
import { type RtspServer, startRtspServer } from '../../src/show/simulate/rtsp-server.js'
import { noisy } from '../../tools/bench/sleeping-room.js'
import { shown } from '../support/film.js'
import { patience, until } from '../support/slowness.js'
import { eventually, Ward } from '../support/ward.js'

/** A room, and how a camera sends it. */
interface Room {
  /** Of the camera's picture, in square pixels. */
  picture: Size
  sampleAspect?: string
  /** By which the stream has to be turned, which the config says. */
  rotation?: 90 | 180 | 270
  shape: CameraShapeHealth
}

const rooms: Record<string, Room> = {
  plain: {
    picture: { width: 640, height: 360 },
    shape: { coded: [640, 360], pixels: '1:1', rotation: 0, shown: [640, 360] }
  },
  narrow: {
    picture: { width: 480, height: 360 },
    shape: { coded: [480, 360], pixels: '1:1', rotation: 0, shown: [480, 360] }
  },
  anamorphic: {
    picture: { width: 640, height: 360 },
    sampleAspect: '16/11',
    shape: { coded: [440, 360], pixels: '16:11', rotation: 0, shown: [640, 360] }
  },
  portrait: {
    picture: { width: 360, height: 480 },
    shape: { coded: [360, 480], pixels: '1:1', rotation: 0, shown: [360, 480] }
  },
  turned: {
    picture: { width: 360, height: 480 },
    rotation: 90,
    shape: { coded: [480, 360], pixels: '1:1', rotation: 90, shown: [360, 480] }
  },
  overhead: {
    picture: { width: 480, height: 360 },
    rotation: 180,
    shape: { coded: [480, 360], pixels: '1:1', rotation: 180, shown: [480, 360] }
  }
}
const ids = Object.keys(rooms)
/** In shares of the picture: off the middle both ways, where black bars that count would move it. */
const place = { x: 0.38, y: 0.42 }

let ward: Ward
let server: RtspServer
const faces = new Map<string, Rendered>()
const closing: (() => Promise<void>)[] = []
beforeAll(async () => {
  ward = await Ward.open()
  server = await startRtspServer({ log: silentLog })
  for (const id of ids) {
    const { picture, sampleAspect, rotation = 0, shape } = rooms[id]!
    const scene = await createScene({
      ...{ identity: createIdentity(24), ...picture, faceSize: 110 },
      centre: { x: place.x * picture.width, y: place.y * picture.height }
    })
    const face = await scene.render({ units: {}, blur: 0.5 })
    faces.set(id, face)
    const [width, height] = shape.coded
    const sent = await sharp(face.data, { raw: { ...picture, channels: 3 } })
      .rotate(360 - rotation)
      .toBuffer({ resolveWithObject: true })
    const { data } = await sharp(sent.data, { raw: { width: sent.info.width, height: sent.info.height, channels: 3 } })
      .resize(width, height, { fit: 'fill' })
      .raw()
      .toBuffer({ resolveWithObject: true })
    const frames = shown(noisy(Uint8Array.from(data), width, 2), 5)
    const about = { path: `/${id}`, codec: 'h264', width, height, fps: 5, sampleAspect, frames } as const
    const feed = await startFeed({ server, ...about, log: silentLog })
    closing.push(() => feed.stop())
  }
})
afterAll(async () => {
  for (const close of closing) await close()
  await server.stop()
  await ward.close()
})

/** Middle and size of what the landmarks cover. */
function truth(id: string) {
  const { landmarks } = faces.get(id)!
  const xs = [...landmarks].filter((_, i) => i % 2 === 0)
  const ys = [...landmarks].filter((_, i) => i % 2 === 1)
  const middle = (all: number[]): number => (Math.min(...all) + Math.max(...all)) / 2
  return { x: middle(xs), y: middle(ys), size: Math.max(...ys) - Math.min(...ys) }
}

/** Of the observed box, in sizes of the face: how far its middle is from the landmarks', and its width and height. */
function relative(id: string, [x, y, width, height]: ObservationMessage['box']): number[] {
  const { picture } = rooms[id]!
  const face = truth(id)
  return [
    ((x + width / 2) * picture.width - face.x) / face.size,
    ((y + height / 2) * picture.height - face.y) / face.size,
    (width * picture.width) / face.size,
    (height * picture.height) / face.size
  ]
}

describe('a face at a known place', () => {
  it('is observed there, in shares of the picture, whatever the shape in which a camera sends it; under a mask it is not', {
    timeout: patience(120_000)
  }, async () => {
    const around = Math.max(...ids.map((id) => truth(id).size / rooms[id]!.picture.height)) * 0.75
    const mask: Polygon = [
      [place.x - 0.3, place.y - around],
      [place.x + 0.3, place.y - around],
      [place.x + 0.3, place.y + around],
      [place.x - 0.3, place.y + around]
    ]
    const cameras = ids.flatMap((id) => {
      const { rotation = 'auto' } = rooms[id]!
      const camera = { url: server.url(`/${id}`), width: 640, height: 360, fps: 2, rotation }
      return [
        { id, ...camera },
        { id: `${id}-masked`, ...camera, masks: [mask] }
      ]
    })
    const device = await ward.device(cameras)
    const observed = new Map<string, ObservationMessage[]>()
    const listener = await connectAsync(ward.broker.url)
    onTestFinished(() => listener.endAsync(true))
    listener.on('message', (topic, bytes) => {
      const id = topic.split('/')[3]!
      observed.set(id, [...(observed.get(id) ?? []), JSON.parse(bytes.toString()) as ObservationMessage])
    })
    await listener.subscribeAsync(`painlens/${device.name}/camera/+/observation`)
    const nurse = await device.listen()
    device.start()
    const seen = () => ids.every((id) => (observed.get(id)?.length ?? 0) >= 3)
    await until(seen, 'each face three times', 60_000).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify([...observed].map(([id, all]) => [id, all.length]))}`)
    })

    const expected = relative('plain', observed.get('plain')!.at(-1)!.box)
    expect(Math.hypot(expected[0]!, expected[1]!), 'the box is about the landmarks').toBeLessThan(0.4)
    for (const id of ids) {
      const found = relative(id, observed.get(id)!.at(-1)!.box)
      for (const [i, value] of found.entries())
        expect(Math.abs(value - expected[i]!), `${id}: ${found} for ${expected}`).toBeLessThan(0.2)
      expect(observed.get(`${id}-masked`), id).toBeUndefined()
    }

    const told = await eventually(
      async () => {
        await nurse.command('refresh', {})
        return nurse.health().at(-1)
      },
      (health) => ids.every((id) => health?.cameras[`${id}-masked`]?.state === 'ok'),
      'health'
    )
    for (const id of ids) expect(told!.cameras[id], id).toMatchObject({ shape: rooms[id]!.shape, damaged: 0 })
  })
})
