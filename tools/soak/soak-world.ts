/** The surroundings of the daemon in a soak: cameras and a broker that come and go, commands, requests for figures. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import { stringify } from 'yaml'
import { silentLog } from '#painlens/core/log.js'
import { type DemoBroker, startBroker } from '#painlens/show/demo/broker.js'
import { createIdentity, createScene } from '#painlens/show/render/index.js'
import { type Day, daySeconds } from '#painlens/show/simulate/day.js'
import { type Feed, startFeed } from '#painlens/show/simulate/feed.js'
import { renderDay } from '#painlens/show/simulate/frames.js'
import { type RtspServer, startRtspServer } from '#painlens/show/simulate/rtsp-server.js'

const picture = { width: 640, height: 360, fps: 10 }
/** A day at speed: pain each 12 s. */
const day: Day = {
  stretches: [
    { expression: 'neutral', intensity: 0, seconds: 3 },
    { expression: 'pain', intensity: 0.95, seconds: 5 },
    { expression: 'happiness', intensity: 0.9, seconds: 4 }
  ],
  loop: true,
  seed: 1
}
/** Every event occurs once per cycle, so that each sample window sees the same. */
export const cycleMs = 60_000

export class SoakWorld {
  readonly counts = { alarms: 0, explanations: 0, cameraStops: 0, brokerStops: 0, reloads: 0, commands: 0 }
  readonly #folder: string
  readonly #server: RtspServer
  readonly #clip: string
  readonly #feeds = new Map<string, Feed>()
  #broker: DemoBroker
  #nurse: MqttClient | null = null

  private constructor(folder: string, server: RtspServer, clip: string, broker: DemoBroker) {
    this.#folder = folder
    this.#server = server
    this.#clip = clip
    this.#broker = broker
  }

  static async start(folder: string): Promise<SoakWorld> {
    const clip = join(folder, 'day.mp4')
    await film(clip)
    const server = await startRtspServer({ host: '127.0.0.1', port: 0, log: silentLog })
    const world = new SoakWorld(folder, server, clip, await startBroker({ port: 0 }))
    for (const id of ['steady', 'coming', 'going']) await world.#cameraOn(id)
    await world.#listen()
    return world
  }

  /** @param extra with a camera that the config has only at times */
  async writeConfig(httpPort: number, extra: boolean): Promise<string> {
    const file = join(this.#folder, 'painlens.yaml')
    const ids = ['steady', 'coming', 'going', ...(extra ? ['extra'] : [])]
    const url = (id: string): string => this.#server.url(`/${id === 'extra' ? 'steady' : id}`)
    const config = {
      device: 'soak',
      mqtt: { url: this.#broker.url },
      cameras: ids.map((id) => ({ id, url: url(id), ...picture })),
      alarm: { onset_s: 0.5, clear_s: 0.5, smoothing_s: 0.2, track_lost_s: 1 },
      http: { port: httpPort },
      outbox: { path: join(this.#folder, 'outbox') }
    }
    await writeFile(file, stringify(config))
    return file
  }

  /** One round of comings and goings, spread over a cycle; `reload` makes the daemon read its config again. */
  async cycle(reload: (extra: boolean) => Promise<void>, signal: AbortSignal): Promise<void> {
    const steps: (() => Promise<void>)[] = [
      () => this.#cameraOff('coming'),
      () => this.#command('test_alarm', { camera: 'steady' }),
      () => this.#cameraOn('coming'),
      () => reload(true),
      () => this.#brokerOff(),
      () => this.#cameraOff('going'),
      () => this.#brokerOn(),
      () => this.#command('refresh', {}),
      () => this.#cameraOn('going'),
      () => reload(false),
      () => this.#command('pause', { camera: 'steady', duration_s: 4 }),
      async () => undefined
    ]
    for (const step of steps) {
      await sleep(cycleMs / steps.length, undefined, { signal })
      await step()
    }
  }

  reloaded(): void {
    this.counts.reloads++
  }

  async stop(): Promise<void> {
    await this.#nurse?.endAsync(true)
    await Promise.all([...this.#feeds.values()].map((feed) => feed.stop()))
    await this.#server.stop()
    await this.#broker.stop()
  }

  async #cameraOn(id: string): Promise<void> {
    const options = { server: this.#server, path: `/${id}`, codec: 'h264', ...picture, log: silentLog } as const
    this.#feeds.set(id, await startFeed({ ...options, frames: { file: this.#clip } }))
  }

  async #cameraOff(id: string): Promise<void> {
    this.counts.cameraStops++
    await this.#feeds.get(id)?.stop()
    this.#feeds.delete(id)
  }

  async #brokerOff(): Promise<void> {
    this.counts.brokerStops++
    await this.#nurse?.endAsync(true)
    await this.#broker.stop()
  }

  async #brokerOn(): Promise<void> {
    this.#broker = await startBroker({ port: this.#broker.port })
    await this.#listen()
  }

  async #listen(): Promise<void> {
    this.#nurse = await connectAsync(this.#broker.url, { protocolVersion: 4, reconnectPeriod: 0 })
    this.#nurse.on('message', (topic) => {
      if (topic.endsWith('/alarm')) this.counts.alarms++
      else this.counts.explanations++
    })
    await this.#nurse.subscribeAsync(['painlens/soak/alarm', 'painlens/soak/explanation'])
  }

  async #command(name: string, about: object): Promise<void> {
    this.counts.commands++
    await this.#nurse?.publishAsync(`painlens/soak/command/${name}`, JSON.stringify(about), { qos: 1 })
  }
}

/** One day as a film, so that many cameras can play it at little cost. */
async function film(file: string): Promise<void> {
  const { width, height, fps } = picture
  const scene = await createScene({
    identity: createIdentity(24),
    width,
    height,
    centre: { x: width / 2, y: height * 0.44 },
    faceSize: Math.round(height * 0.4)
  })
  const size = ['-s', `${width}x${height}`, '-r', String(fps)]
  const input = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', ...size, '-i', 'pipe:0']
  const args = [
    '-loglevel',
    'error',
    '-y',
    ...input,
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-pix_fmt',
    'yuv420p',
    file
  ]
  const ffmpeg = spawn('ffmpeg', args, { stdio: ['pipe', 'ignore', 'inherit'] })
  const ended = once(ffmpeg, 'exit')
  let ms = 0
  const stopped = (): boolean => ms >= daySeconds(day) * 1000
  const time = {
    now: () => ms,
    sleep: async (by: number) => {
      ms += by
    },
    dayTime: (now: number) => now / 1000,
    stopped,
    onStretch: () => undefined
  }
  for await (const frame of renderDay({ scene, day, fps, ...time }))
    await new Promise<void>((resolve) => ffmpeg.stdin.write(Buffer.from(frame), () => resolve()))
  ffmpeg.stdin.end()
  await ended
}
