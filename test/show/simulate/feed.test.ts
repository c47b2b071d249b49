import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { ProgramError } from '../../../src/core/errors.js'
import { silentLog } from '../../../src/core/log.js'
import { beginsKeyFrame } from '../../../src/lib/rtp.js'
import { type Feed, type FeedOptions, startFeed } from '../../../src/show/simulate/feed.js'
import { type RtspServer, startRtspServer } from '../../../src/show/simulate/rtsp-server.js'
import { until } from '../../support/slowness.js'
import { RtspClient } from './client.js'

const size = { width: 64, height: 48, fps: 20 }
const bytes = size.width * size.height * 3
const stoppers: { stop(): Promise<void> }[] = []

async function serve(): Promise<RtspServer> {
  const server = await startRtspServer({ log: silentLog })
  stoppers.push(server)
  return server
}

async function feed(server: RtspServer, options: Partial<FeedOptions>): Promise<Feed> {
  const frames = { lavfi: 'testsrc=size=64x48:rate=20' }
  const started = await startFeed({ server, path: '/bed', codec: 'h264', ...size, frames, log: silentLog, ...options })
  stoppers.push(started)
  return started
}

/** The child processes of this one that publish. */
const publishers = (): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [stat, commandLine] = [readFileSync(`/proc/${pid}/stat`, 'utf8'), readFileSync(`/proc/${pid}/cmdline`)]
        return Number(/\) \S (\d+)/.exec(stat)?.[1]) === process.pid && commandLine.includes('/publish/')
      } catch {
        return false
      }
    })

async function* pictures(count: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index++) {
    yield new Uint8Array(bytes).fill(index)
    await new Promise((resolve) => setTimeout(resolve, 1000 / size.fps))
  }
}

afterEach(async () => {
  for (const started of stoppers.splice(0).reverse()) await started.stop()
})

describe('startFeed', () => {
  it.each([
    ['h264', 'H264'],
    ['hevc', 'H265'],
    ['mjpeg', 'JPEG']
  ] as const)('%s is published, and each reader starts with a key frame', async (codec, encoding) => {
    const server = await serve()
    const { url } = await feed(server, { codec })
    const reader = await RtspClient.open(server.port)
    const described = await reader.ask('DESCRIBE', url)
    if (codec !== 'mjpeg') expect(described.body).toContain(`${encoding}/90000`)
    const setup = await reader.ask('SETUP', `${url}/streamid=0`, { Transport: 'RTP/AVP/TCP;unicast;interleaved=4-5' })
    await reader.ask('PLAY', url, { Session: setup.headers.get('session')! })
    const video = (): Buffer[] => reader.packets.filter(({ channel }) => channel === 4).map(({ payload }) => payload)
    await reader.until(() => video().length >= 5)
    expect(beginsKeyFrame(encoding, video()[0]!)).toBe(true)
    reader.close()
  })

  it('the frames of a generator are shown until it ends, and stopping closes it', async () => {
    const server = await serve()
    await (await feed(server, { frames: pictures(10) })).ended
    let closed = false
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield* pictures(1e9)
      } finally {
        closed = true
      }
    }
    const running = await feed(server, { frames: endless() })
    expect(publishers()).toHaveLength(1)
    await running.stop()
    expect(publishers()).toHaveLength(0)
    await expect.poll(() => closed).toBe(true)
  })

  it('the next frame is requested only when ffmpeg has taken the last one', async () => {
    const server = await serve()
    let asked = 0
    const quick = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        asked++
        yield new Uint8Array(bytes)
      }
    }
    await feed(server, { frames: quick() })
    const [pid] = publishers()
    process.kill(Number(pid), 'SIGSTOP')
    const standsStill = async (): Promise<boolean> => {
      const before = asked
      await new Promise((resolve) => setTimeout(resolve, 300))
      return asked === before
    }
    // The pipe takes some more.
    await until(standsStill, 'the frames to end').finally(() => process.kill(Number(pid), 'SIGCONT'))
    await until(() => standsStill().then((still) => !still), 'further frames')
  })

  it.each([
    ['a missing ffmpeg', { ffmpeg: '/nowhere/ffmpeg' }, /ENOENT|not there/],
    ['a missing file', { frames: { file: '/nowhere/day.mp4' } }, /No such file/],
    [
      'frames of another size',
      {
        frames: (async function* () {
          yield new Uint8Array(3)
        })()
      },
      /3 bytes/
    ]
  ] as [string, Partial<FeedOptions>, RegExp][])('a feed reports %s', async (_what, options, message) => {
    const server = await serve()
    const started = feed(server, options)
    await expect(started).rejects.toThrow(ProgramError)
    await expect(started).rejects.toThrow(message)
    expect(publishers()).toHaveLength(0)
    await feed(server, {})
  })
})
