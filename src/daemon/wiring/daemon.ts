/** Joins the stages: cameras → detect → classify → alarm → outbox → MQTT, with explain at the side. */
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../../config/index.js'
import type { Clock } from '../../core/clock.js'
import { codeOf, errorFields, problemOf } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { Secrets } from '../../core/secrets.js'
import { version } from '../../core/version.js'
import { type AlarmOptions, type Alarms, createAlarms } from '../../stages/alarm/index.js'
import { type Mqtt, startMqtt } from '../../stages/mqtt/index.js'
import { ClockWatch } from '../health/clock-watch.js'
import { healthOf } from '../health/health.js'
import { watchLoopDelay } from '../health/latency.js'
import { SelfWatch } from '../health/self-watch.js'
import { Supervision } from '../health/supervision.js'
import { isSynchronised } from '../health/time-sync.js'
import { Inference } from '../line/inference.js'
import { Pauses } from '../line/pauses.js'
import type { WatchedCamera } from '../line/watched-camera.js'
import { Explanations } from '../report/explanations.js'
import { endsOfLeftAlarms, RetainedStates } from '../report/left-behind.js'
import { Reporter } from '../report/reporter.js'
import { Cameras } from './cameras.js'
import { commandHandlers } from './commands.js'
import { alarmOptions, brokerOptions, modelOf, protocolVersion } from './mapping.js'
import { type InferencePart, openParts, type Parts, type PartsOptions, stopInference } from './parts.js'

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
  /** False when a part of painlens is stuck, which a restart may mend; for the watchdog. */
  isAlive(): boolean
  /**
   * Takes over another config's cameras; those that are the same in both go on untouched.
   * @returns the other sections that changed, which only a restart takes over
   */
  reload(config: Config): Promise<string[]>
  /** Tells subscribers that a changed config cannot be taken over. A `reload` later takes that back. */
  rejected(problem: Error): void
  /** Ends alarms, says offline, and is gone within 3 s. */
  stop(): Promise<void>
}

const tickMs = 1000
/** An alarm's text is for a pager; the log has all of it. */
const maxDetail = 300

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
  readonly #watched = new Map<string, WatchedCamera>()
  readonly #loop = watchLoopDelay()
  readonly #supervision: Supervision
  readonly #inference: Inference
  #config: Config
  #parts!: Parts
  #reporter: Reporter | undefined
  #mqtt: Mqtt | undefined
  #reloading: Promise<unknown> = Promise.resolve()
  #cameras!: Cameras
  #selfWatch: SelfWatch | undefined
  #clockWatch: ClockWatch | undefined
  #ticker: NodeJS.Timeout | undefined
  #stopping: Promise<void> | undefined

  constructor(options: DaemonOptions) {
    this.#options = options
    this.#config = options.config
    this.#supervision = new Supervision({
      parts: () => this.#parts,
      cameras: this.#watched,
      mqtt: () => this.#mqtt,
      loop: this.#loop,
      log: options.log
    })
    this.#inference = new Inference({
      parts: () => this.#parts,
      supervision: this.#supervision,
      onTrouble: (problem) => this.#reporter?.technical('inference_failed', problem && problemOf(problem)),
      stopping: () => this.#stopping !== undefined,
      log: options.log
    })
  }

  async start(): Promise<void> {
    const { config, log, clock } = this.#options
    try {
      this.#parts = await openParts(this.#partsOptions())
      const about = alarmOptions(config, modelOf(this.#parts.manifest), clock)
      const alarms = createAlarms(about)
      const mqtt = await this.#connect(alarms)
      this.#mqtt = mqtt
      const explanations = this.#createExplanations(mqtt)
      const { alarmLog, outbox } = this.#parts
      const supervision = this.#supervision
      const reporter = new Reporter({ alarms, mqtt, alarmLog, explanations, supervision, log, clock })
      this.#reporter = reporter
      reporter.send(endsOfLeftAlarms(outbox, clock.now(), clock))
      // What went wrong before there was somebody to tell.
      const problem = this.#parts.explainer?.stats().problem
      if (problem) reporter.technical('explanation_failed', problem)
      this.#startTicking(reporter, mqtt)
      this.#cameras = this.#createCameras(reporter, mqtt, about.cameras)
      await this.#cameras.takeOver(config.cameras)
      await this.#supervision.serve(config.http)
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  summary(): string {
    const states = [...this.#watched.values()].map((camera) => camera.stats().state)
    const ok = states.filter((state) => state === 'ok').length
    const broker = this.#mqtt?.connected() ? 'connected' : 'away'
    return `${ok} of ${states.length} cameras ok, broker ${broker}, inference on ${this.#parts.classifier.proof.provider}`
  }

  isAlive(): boolean {
    return this.#supervision.live().ok
  }

  reload(config: Config): Promise<string[]> {
    // One after the other: a second SIGHUP may come while a camera of the first is still being stopped.
    const reloaded = this.#reloading.then(() => this.#reload(config))
    this.#reloading = reloaded.catch(() => undefined)
    return reloaded
  }

  rejected(problem: Error): void {
    const message = problem.message.replace(/\s+/g, ' ').slice(0, maxDetail)
    this.#reporter?.technical('config_rejected', { code: codeOf(problem), message })
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll()
    return this.#stopping
  }

  async #reload(config: Config): Promise<string[]> {
    if (this.#stopping) return []
    await this.#cameras.takeOver(config.cameras)
    const before = this.#config
    this.#config = { ...before, cameras: config.cameras }
    this.#reporter?.technical('config_rejected', null)
    const sections = Object.keys(config) as (keyof Config)[]
    return sections.filter((section) => section !== 'cameras' && !isDeepStrictEqual(before[section], config[section]))
  }

  async #stopAll(): Promise<void> {
    clearInterval(this.#ticker)
    this.#loop.stop()
    await this.#reloading
    await Promise.all([this.#clockWatch?.stop(), ...[...this.#watched.values()].map((camera) => camera.stop())])
    this.#reporter?.shutdown()
    if (!this.#parts) return
    // The outbox last: until MQTT has stopped, it is read and written.
    await Promise.all([this.#mqtt?.stop(), this.#supervision.stop(), stopInference(this.#parts)])
    await this.#parts.outbox.close()
    await this.#parts.alarmLog.close()
  }

  #startTicking(reporter: Reporter, mqtt: Mqtt): void {
    const { config, clock } = this.#options
    const tell: Reporter['technical'] = (...problem) => reporter.technical(...problem)
    const selfWatch = new SelfWatch({
      connected: () => mqtt.connected(),
      trouble: () => mqtt.stats().trouble,
      outbox: () => this.#parts.outbox.stats(),
      outboxMax: config.outbox.max_messages,
      tell,
      clock
    })
    this.#selfWatch = selfWatch
    this.#ticker = setInterval(() => {
      this.#inference.examined(this.#supervision.tick())
      reporter.tick()
      selfWatch.tick()
    }, tickMs)
    this.#clockWatch = new ClockWatch({
      ask: (signal) => isSynchronised(undefined, signal),
      tell: (problem) => tell('clock_unsynchronised', problem)
    })
    this.#clockWatch.start()
  }

  #createCameras(reporter: Reporter, mqtt: Mqtt, locations: AlarmOptions['cameras']): Cameras {
    const { config, clock } = this.#options
    const { outbox } = this.#parts
    const retained = new RetainedStates(outbox, mqtt)
    retained.clearAllBut(new Set(config.cameras.map(({ id }) => id)))
    return new Cameras({
      watched: this.#watched,
      parts: this.#parts,
      partsOptions: this.#partsOptions(),
      inference: this.#inference,
      reporter,
      pauses: new Pauses(outbox, clock),
      retained,
      locations,
      clock
    })
  }

  #partsOptions(): PartsOptions {
    const { config, secrets, log, clock, onFatal, signal } = this.#options
    const onExplainProblem = (problem: Error | null): void =>
      this.#reporter?.technical('explanation_failed', problem && problemOf(problem))
    const onWorkerProblem = (part: InferencePart, problem: Error | null): void => this.#inference.worker(part, problem)
    const onInference = (ms: number, faces: number): void => this.#supervision.metrics.inference(ms, faces)
    return { config, secrets, log, clock, onFatal, signal, onExplainProblem, onWorkerProblem, onInference }
  }

  #connect(alarms: Alarms): Promise<Mqtt> {
    const { config, secrets, log, clock } = this.#options
    const { publish_emotions, publish_heatmap } = config.privacy
    const supervision = this.#supervision
    const sources = { parts: this.#parts, cameras: this.#watched, supervision, loop: this.#loop, clock }
    const startedAt = clock.now()
    return startMqtt({
      broker: brokerOptions(config),
      protocolVersion: protocolVersion(config.mqtt),
      device: config.device,
      session: randomUUID(),
      version,
      outbox: this.#parts.outbox,
      commands: commandHandlers({ alarms, cameras: this.#watched, reporter: () => this.#reporter!, clock }),
      health: () => healthOf({ ...sources, startedAt }),
      privacy: { publishEmotions: publish_emotions, publishHeatmap: publish_heatmap },
      onAlarmDelivered: (alarm, at) => supervision.delivered(alarm, at),
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
    const { config, log, clock } = this.#options
    const { explainer } = this.#parts
    if (!explainer) return null
    return new Explanations({
      explainer,
      threshold: config.explanation.threshold,
      publishHeatmap: config.privacy.publish_heatmap,
      publish: (message) => {
        mqtt.explanation(message).catch((error: unknown) => log.error(errorFields(error), 'an explanation is lost'))
      },
      log: log.child({ stage: 'explain' }),
      clock
    })
  }
}
