/** Joins the stages: cameras → detect → classify → alarm → outbox → MQTT, with explain at the side. */
import { randomUUID } from 'node:crypto'
import { type AlarmOptions, type Alarms, createAlarms } from '../alarm/index.js'
import type { CameraConfig, Config } from '../config/index.js'
import type { Clock } from '../core/clock.js'
import { messageOf } from '../core/errors.js'
import type { Log } from '../core/log.js'
import type { Secrets } from '../core/secrets.js'
import type { Frame, Sighting, Verdict } from '../core/types.js'
import { version } from '../core/version.js'
import { type Mqtt, startMqtt } from '../mqtt/index.js'
import { isSynchronised } from '../time-sync/index.js'
import type { CameraLineParts } from './camera-line.js'
import { ClockWatch } from './clock-watch.js'
import { commandHandlers } from './commands.js'
import { Explanations } from './explanations.js'
import { healthOf } from './health.js'
import { LatencyWindow, type LoopDelay, watchLoopDelay } from './latency.js'
import { endsOfLeftAlarms, RetainedStates } from './left-behind.js'
import { alarmOptions, brokerOptions, modelOf, protocolVersions } from './mapping.js'
import { openConfiguredCamera, openParts, type Parts, type PartsOptions, stopInference } from './parts.js'
import { Pauses } from './pauses.js'
import { Reporter } from './reporter.js'
import { SelfWatch } from './self-watch.js'
import { type WatchedCamera, watchCamera } from './watched-camera.js'

export interface DaemonOptions {
  config: Config
  secrets: Secrets
  log: Log
  clock: Clock
  /** Something that cannot be done without has died; the daemon is to be stopped and started again. */
  onFatal: (error: Error) => void
  /** Ends a start that is under way; what runs is stopped by `stop`. */
  signal?: AbortSignal
}

export interface Daemon {
  /** One line on what runs, for systemd's STATUS. */
  summary(): string
  /** False when an inference is stuck; for the watchdog. */
  isAlive(): boolean
  /** Takes over another config's cameras. @returns the other sections that changed, which only a restart takes over */
  reload(config: Config): Promise<string[]>
  /** Ends alarms, says offline, and is gone within 3 s. */
  stop(): Promise<void>
}

/** An inference that takes longer is stuck. */
const stuckMs = 30_000
const tickMs = 1000

/**
 * Starts everything in order: models, outbox, MQTT, cameras. A broker or a camera that cannot be reached stops nothing.
 * @throws PainlensError of the part that failed; nothing is left running then
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const daemon = new JoinedStages(options)
  await daemon.start()
  return daemon
}

class JoinedStages implements Daemon {
  readonly #options: DaemonOptions
  readonly #cameras = new Map<string, WatchedCamera>()
  readonly #latency = new LatencyWindow()
  /** When the inferences that are under way began. */
  readonly #underWay = new Set<{ since: number }>()
  #config: Config
  #parts!: Parts
  #alarmOptions!: AlarmOptions
  #reporter: Reporter | undefined
  #mqtt: Mqtt | undefined
  #retained!: RetainedStates
  #pauses!: Pauses
  #selfWatch: SelfWatch | undefined
  #clockWatch: ClockWatch | undefined
  #loop: LoopDelay | undefined
  #ticker: NodeJS.Timeout | undefined
  #stopping: Promise<void> | undefined

  constructor(options: DaemonOptions) {
    this.#options = options
    this.#config = options.config
  }

  async start(): Promise<void> {
    const { config, log, clock } = this.#options
    this.#parts = await openParts(this.#partsOptions())
    try {
      this.#alarmOptions = alarmOptions(config, modelOf(this.#parts.manifest), clock)
      const alarms = createAlarms(this.#alarmOptions)
      this.#loop = watchLoopDelay()
      const mqtt = await this.#connect(alarms)
      this.#mqtt = mqtt
      const explanations = this.#createExplanations(mqtt)
      const { alarmLog, outbox } = this.#parts
      this.#reporter = new Reporter({ alarms, mqtt, alarmLog, explanations, latency: this.#latency, log, clock })
      this.#reporter.send(endsOfLeftAlarms(outbox, clock.now()))
      this.#pauses = new Pauses(outbox, clock)
      this.#retained = new RetainedStates(outbox, mqtt)
      this.#retained.clearAllBut(new Set(config.cameras.map(({ id }) => id)))
      // What went wrong before there was somebody to tell.
      const problem = this.#parts.explainer?.stats().problem
      if (problem) this.#reporter.technical('explanation_failed', problem)
      this.#startTicking(this.#reporter, mqtt)
      for (const camera of config.cameras) this.#addCamera(camera)
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  summary(): string {
    const states = [...this.#cameras.values()].map((camera) => camera.stats().state)
    const ok = states.filter((state) => state === 'ok').length
    const broker = this.#mqtt?.connected() ? 'connected' : 'away'
    return `${ok} of ${states.length} cameras ok, broker ${broker}, inference on ${this.#parts.classifier.proof.provider}`
  }

  isAlive(): boolean {
    const oldest = Math.min(...[...this.#underWay].map(({ since }) => since))
    return !(this.#options.clock.now() - oldest > stuckMs)
  }

  async reload(config: Config): Promise<string[]> {
    const wanted = new Map(config.cameras.map((camera) => [camera.id, camera]))
    for (const [id, watched] of this.#cameras)
      if (!same(watched.config, wanted.get(id))) await this.#removeCamera(id, wanted.has(id))
    for (const camera of config.cameras) if (!this.#cameras.has(camera.id)) this.#addCamera(camera)
    const before = this.#config
    this.#config = { ...before, cameras: config.cameras }
    const sections = Object.keys(config) as (keyof Config)[]
    return sections.filter((section) => section !== 'cameras' && !same(before[section], config[section]))
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll()
    return this.#stopping
  }

  async #stopAll(): Promise<void> {
    clearInterval(this.#ticker)
    this.#loop?.stop()
    await Promise.all([this.#clockWatch?.stop(), ...[...this.#cameras.values()].map((camera) => camera.stop())])
    this.#reporter?.shutdown()
    // The outbox last: until MQTT has stopped, it is read and written.
    await Promise.all([this.#mqtt?.stop(), stopInference(this.#parts)])
    await this.#parts.outbox.close()
    await this.#parts.alarmLog.close()
  }

  #startTicking(reporter: Reporter, mqtt: Mqtt): void {
    const { config, clock } = this.#options
    const tell: Reporter['technical'] = (...problem) => reporter.technical(...problem)
    const selfWatch = new SelfWatch({
      connected: () => mqtt.connected(),
      trouble: () => mqtt.stats().trouble?.what,
      outbox: { depth: () => this.#parts.outbox.depth(), max: config.outbox.max_messages },
      isAlive: () => this.isAlive(),
      tell,
      clock
    })
    this.#selfWatch = selfWatch
    this.#ticker = setInterval(() => {
      reporter.tick()
      selfWatch.tick()
    }, tickMs)
    this.#clockWatch = new ClockWatch({
      ask: (signal) => isSynchronised(undefined, signal),
      tell: (problem) => tell('clock_unsynchronised', problem)
    })
    this.#clockWatch.start()
  }

  #partsOptions(): PartsOptions {
    const { config, secrets, log, clock, onFatal, signal } = this.#options
    const onExplainProblem = (problem: Error | null): void => this.#reporter?.technical('explanation_failed', problem)
    return { config, secrets, log, clock, onFatal, signal, onExplainProblem }
  }

  #connect(alarms: Alarms): Promise<Mqtt> {
    const { config, secrets, log, clock } = this.#options
    const { publish_emotions, publish_heatmap } = config.privacy
    const sources = { parts: this.#parts, cameras: this.#cameras, latency: this.#latency, loop: this.#loop!, clock }
    const startedAt = clock.now()
    return startMqtt({
      broker: brokerOptions(config),
      protocolVersion: protocolVersions[config.mqtt.protocol],
      device: config.device,
      session: randomUUID(),
      version,
      outbox: this.#parts.outbox,
      commands: commandHandlers({ alarms, cameras: this.#cameras, reporter: () => this.#reporter!, clock }),
      health: () => healthOf({ ...sources, startedAt }),
      privacy: { publishEmotions: publish_emotions, publishHeatmap: publish_heatmap },
      onConnectionChange: (connected) => {
        if (!connected) return
        // First that the broker is back, or `broker_lost` would be told once more as active.
        this.#selfWatch?.tick()
        this.#reporter?.refresh()
      },
      secrets,
      log: log.child({ stage: 'mqtt' }),
      clock
    })
  }

  #createExplanations(mqtt: Mqtt): Explanations | null {
    const { config, log } = this.#options
    const { explainer } = this.#parts
    if (!explainer) return null
    return new Explanations({
      explainer,
      threshold: config.explanation.threshold,
      publishHeatmap: config.privacy.publish_heatmap,
      publish: (message) => {
        mqtt
          .explanation(message)
          .catch((error: unknown) => log.error({ error: messageOf(error) }, 'an explanation is lost'))
      },
      log: log.child({ stage: 'explain' })
    })
  }

  #addCamera(config: CameraConfig): void {
    this.#alarmOptions.cameras[config.id] = config.location
    const camera = openConfiguredCamera(config, this.#parts, this.#partsOptions())
    const watched = watchCamera({
      config,
      camera,
      clock: this.#options.clock,
      stages: this.#stagesOf(config),
      onGlance: (glance) => this.#reporter?.glance(glance, config),
      onState: (id, state, since, until) => this.#reporter?.cameraState(id, state, since, until),
      pause: this.#pauses.of(config.id),
      onPause: (pause) => this.#pauses.set(config.id, pause)
    })
    this.#retained.published(config.id)
    this.#cameras.set(config.id, watched)
  }

  /**
   * A camera that the config has no more, or otherwise: its alarms end, and nobody is told that it is lost.
   * @param comesBack with other settings; a pause goes on
   */
  async #removeCamera(id: string, comesBack: boolean): Promise<void> {
    await this.#cameras.get(id)?.stop()
    this.#cameras.delete(id)
    this.#parts.detector.forget(id)
    this.#reporter?.cameraGone(id)
    if (comesBack) return
    delete this.#alarmOptions.cameras[id]
    this.#pauses.set(id, null)
    this.#retained.clear(id)
  }

  #stagesOf({ id, zones }: CameraConfig): Pick<CameraLineParts, 'detect' | 'classify' | 'onFailure' | 'onSuccess'> {
    const { detector, classifier } = this.#parts
    const { log } = this.#options
    let failing = false
    return {
      detect: (frame: Frame): Promise<Sighting> => this.#watched(detector.detect(frame, zones)),
      classify: ({ camera, at, faces }: Sighting): Promise<Verdict[]> =>
        this.#watched(classifier.classify(camera, at, faces)),
      onFailure: (error) => {
        // What was under way when painlens was told to stop is no failure.
        if (this.#stopping) return
        if (!failing) log.error({ camera: id, error: messageOf(error) }, 'inference fails')
        failing = true
        this.#reporter?.technical('inference_failed', error, { source: id })
      },
      onSuccess: () => {
        if (failing) this.#reporter?.technical('inference_failed', null, { source: id })
        failing = false
      }
    }
  }

  async #watched<T>(inference: Promise<T>): Promise<T> {
    const entry = { since: this.#options.clock.now() }
    this.#underWay.add(entry)
    try {
      return await inference
    } finally {
      this.#underWay.delete(entry)
    }
  }
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
