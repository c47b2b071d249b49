import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { type AlarmsOptions, alarmsCommand } from '../../src/commands/alarms/index.js'
import { loadConfig } from '../../src/config/index.js'
import { systemClock } from '../../src/core/clock.js'
import { type Log, silentLog } from '../../src/core/log.js'
import { Secrets } from '../../src/core/secrets.js'
import type { Report } from '../../src/daemon/health/http.js'
import type { Daemon } from '../../src/daemon/wiring/daemon.js'
import { startFeed } from '../../src/show/simulate/feed.js'
import { startRtspServer } from '../../src/show/simulate/rtsp-server.js'
import { type SimulationOptions, startSimulation } from '../../src/show/simulate/simulate.js'
import { type DaemonProcess, type ProcessOptions, startPainlensProcess } from './daemon.js'
import { freePort, type Mosquitto, startMosquitto } from './mosquitto.js'
import { Nurse } from './nurse.js'
import { roomFilm, roomFilmFile } from './room-film.js'
import { patience, until } from './slowness.js'
import { writeTinyModel } from './tiny-model.js'

/** Where nothing listens. */
export const nowhere = 'rtsp://127.0.0.1:9/x'

/** What a daemon's test needs around it: a folder with a tiny model, a real broker, and cameras. One per test file. */
export class Ward {
  readonly folder: string
  readonly broker: Mosquitto
  readonly #closing: (() => Promise<unknown>)[]
  #devices = 0

  private constructor(folder: string, broker: Mosquitto) {
    this.folder = folder
    this.broker = broker
    this.#closing = [() => rm(folder, { recursive: true, force: true }), () => broker.remove()]
  }

  /** @param alarmLabel of the model. Faces are redder than blue, so that it takes every face for `happiness`. */
  static async open(alarmLabel: 'pain' | 'happiness' = 'happiness'): Promise<Ward> {
    const folder = await mkdtemp(join(tmpdir(), 'painlens-ward-'))
    await writeTinyModel(folder, { changes: { alarm_label: alarmLabel } })
    return new Ward(folder, await startMosquitto())
  }

  /**
   * A resident in bed. With a `day` of its own it is drawn while it is shown; else it is the film that all tests share.
   * @returns a camera for the config
   */
  async room({ day, quirks }: Pick<SimulationOptions, 'day' | 'quirks'> = {}): Promise<RoomCamera> {
    const { fps, ...size } = roomFilm
    const url = day ? await this.#simulated({ ...size, fps, day, quirks }) : await this.#filmed(quirks)
    return { id: 'bed', url, ...size, location: { room: '12' } }
  }

  async #simulated(options: Partial<SimulationOptions>): Promise<string> {
    const simulation = await startSimulation({ log: silentLog, ...options })
    this.#closing.push(() => simulation.stop())
    return simulation.url
  }

  async #filmed(quirks: SimulationOptions['quirks']): Promise<string> {
    const server = await startRtspServer({ quirks, log: silentLog })
    this.#closing.push(() => server.stop())
    const frames = { file: await roomFilmFile() }
    const feed = await startFeed({
      ...{ server, path: '/bed', codec: 'h264', ...roomFilm, frames },
      ...{ startMs: patience(20_000), log: silentLog }
    })
    this.#closing.push(() => feed.stop())
    return feed.url
  }

  /**
   * Moving pictures without faces.
   * @param change makes another of FFmpeg's lavfi sources of the one given
   * @returns a camera for the config, by its id
   */
  async feeds(ids: readonly string[], change = (source: string) => source): Promise<FeedCamera> {
    const picture = { width: 320, height: 192, fps: 5 }
    const frames = { lavfi: change('testsrc2=size=320x192:rate=5') }
    const server = await startRtspServer({ log: silentLog })
    this.#closing.push(() => server.stop())
    const start = (id: string) =>
      startFeed({
        server,
        path: `/${id}`,
        codec: 'h264',
        ...picture,
        frames,
        startMs: patience(20_000),
        log: silentLog
      })
    for (const feed of await Promise.all(ids.map(start))) this.#closing.push(() => feed.stop())
    return (id, changes = {}) => ({ id, url: server.url(`/${id}`), ...picture, ...changes })
  }

  /** Somewhere to run painlens, with a config of its own. */
  async device(cameras: object[], changes: object = {}): Promise<Device> {
    const name = `d${this.#devices++}`
    const own = await mkdtemp(join(this.folder, `${name}-`))
    const device = new Device({ ward: this, name, folder: own, port: await freePort() })
    await device.configure(cameras, changes)
    return device
  }

  /** Ends everything, the latest first. */
  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) await close()
  }
}

export type FeedCamera = (id: string, changes?: object) => object

export interface RoomCamera {
  id: string
  url: string
  width: number
  height: number
  location: { room: string }
}

/** One box with painlens on it. What is started is gone when the test is over. */
export class Device {
  readonly name: string
  /** Of the config, the outbox and the alarm log. */
  readonly folder: string
  readonly file: string
  readonly #ward: Ward
  readonly #port: number

  constructor({ ward, name, folder, port }: { ward: Ward; name: string; folder: string; port: number }) {
    this.name = name
    this.folder = folder
    this.file = join(folder, 'painlens.yaml')
    this.#ward = ward
    this.#port = port
  }

  /** Writes the config. @param changes whole sections */
  async configure(cameras: object[], changes: object = {}): Promise<void> {
    const { broker, folder } = this.#ward
    const config = {
      device: this.name,
      mqtt: { url: broker.url },
      cameras,
      model: { manifest: join(folder, 'tiny.yaml') },
      http: { port: this.#port },
      explanation: { enabled: false },
      outbox: { path: 'outbox' },
      alarm_log: { path: 'alarms' }
    }
    await writeFile(this.file, stringify({ ...config, ...changes }))
  }

  listen(): Promise<Nurse> {
    return Nurse.listen(this.#ward.broker.url, this.name)
  }

  /** @param config another one than its own */
  start({ config = this.file, ...options }: ProcessOptions & { config?: string } = {}): DaemonProcess {
    return startPainlensProcess(['run', '--config', config], options)
  }

  /** What `painlens alarms` prints. */
  async alarms(options: Partial<AlarmsOptions>): Promise<string> {
    let text = ''
    const write = (part: string): void => {
      text += part
    }
    expect(
      await alarmsCommand({ config: this.file, ...options }, new AbortController().signal, { write, width: 1000 })
    ).toBe(0)
    return text
  }

  /** The daemon in this process, so that the debugger reaches its workers. */
  async startHere(log: Log = silentLog): Promise<{ daemon: Daemon; fatal: Error[] }> {
    const fatal: Error[] = []
    // Most tests start a process, and need not load all of a daemon for themselves.
    const { startDaemon } = await import('../../src/daemon/wiring/daemon.js')
    const { config } = await loadConfig(this.file)
    const onFatal = (error: Error): void => void fatal.push(error)
    const daemon = await startDaemon({
      config,
      configFile: '/etc/painlens/painlens.yaml',
      secrets: new Secrets(),
      log,
      clock: systemClock,
      onFatal
    })
    onTestFinished(() => daemon.stop())
    return { daemon, fatal }
  }

  /** Asks over HTTP. */
  async ask(path: '/live' | '/ready'): Promise<Report & { status: number }> {
    const answer = await fetch(`http://127.0.0.1:${this.#port}${path}`)
    return { ...((await answer.json()) as Report), status: answer.status }
  }

  async metric(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.#port}/metrics`)).text()
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `))
    if (line === undefined) throw new Error(`there is no ${name} in\n${text}`)
    return Number(line.slice(name.length))
  }

  async ready(): Promise<void> {
    await eventually(
      () => this.ask('/ready'),
      ({ ok }) => ok,
      'ready'
    )
  }
}

/** Asks until the answer fits; an attempt that fails counts as no answer yet. */
export async function eventually<T>(
  ask: () => Promise<T>,
  fits: (answer: T) => boolean,
  what: string,
  ms = 30_000
): Promise<T> {
  let last: T | undefined
  const look = async () => {
    last = await ask().catch(() => undefined)
    return last !== undefined && fits(last) ? { answer: last } : null
  }
  const found = await until(look, what, ms).catch((error: Error) => {
    throw new Error(`${error.message}; last: ${JSON.stringify(last)}`)
  })
  return found.answer
}
