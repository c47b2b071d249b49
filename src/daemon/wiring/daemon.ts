/** Joins the stages: cameras → detect → classify → alarm → outbox → MQTT, with explain at the side. */
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../../config/index.js'
import { codeOf, errorFields, type Problem, problemOf } from '../../core/errors.js'
import { Owner } from '../../core/owner.js'
import { version } from '../../core/version.js'
import { type Alarms, createAlarms } from '../../stages/alarm/index.js'
import { ExplainedAlarms } from '../../stages/explain/index.js'
import { type CommandHandlers, createMqtt, type Mqtt, type MqttOptions } from '../../stages/mqtt/index.js'
import { openReferences, type References } from '../../stages/reference/index.js'
import { type Control, startControl } from '../control/server.js'
import { controlSocket } from '../control/socket.js'
import { ClockWatch, isSynchronised } from '../health/clock-sync.js'
import { Metrics, watchLoopDelay } from '../health/metrics.js'
import { SeenFaces } from '../health/seen-faces.js'
import { SelfWatch } from '../health/self-watch.js'
import { Supervision } from '../health/supervision.js'
import { isStuckInference } from '../health/vitals.js'
import { Inference } from '../line/inference.js'
import { endsOfUnfinishedAlarms, Pauses, PublishedCameras, recallAlarms } from '../report/earlier-run.js'
import { HomeAssistant } from '../report/home-assistant.js'
import { Reporter, Troubles } from '../report/reporter.js'
import { Cameras } from './cameras.js'
import { commandHandlers } from './commands.js'
import { alarmOptions, modelOf, mqttOptions, referencesOptions, seenFacesOptions } from './mapping.js'
import { DaemonPage, type Telling } from './page.js'
import { openParts, type Parts, type Surroundings } from './parts.js'

export interface DaemonOptions extends Surroundings {
  /** Where the config was read, for commands that ask. */
  configFile: string
  /** Called when a required part has failed for good; the daemon has to be stopped and restarted. */
  onFatal: (error: Error) => void
  /** Aborts a pending start; a started daemon is stopped by `stop`. */
  signal?: AbortSignal
}

export interface Daemon {
  /** The state in one line, for systemd's STATUS. */
  summary(): string
  /** False if a part of painlens is stuck, which a restart may fix; for the watchdog. */
  isAlive(): boolean
  /**
   * Applies another config's cameras; unchanged ones keep running. Where other sections changed, too, that is an alarm
   * (`config_rejected`) until a config without such changes is read.
   * @returns the other sections that changed, which only a restart applies
   */
  reload(config: Config): Promise<string[]>
  /** Raises the alarm that a changed config is rejected. A later `reload` ends it, where it needs no restart. */
  rejected(problem: Error): void
  /** Ends alarms, publishes `offline`, and stops within 3 s. */
  stop(): Promise<void>
}

const tickMs = 1000
/** Longest problem in an alarm's text, for pagers; the log has the whole. */
const maxDetail = 300

/**
 * Starts everything in order: models, outbox, MQTT, cameras. Unreachable brokers and cameras do not fail the start.
 * @throws PainlensError of the part that failed; nothing is left running then
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const owner = new Owner(options.log)
  try {
    return await start(options, owner)
  } catch (error) {
    await owner.close()
    throw error
  }
}

/** Each part uses those before it. Closed in reverse: cameras first, the outbox last. */
async function start(options: DaemonOptions, owner: Owner): Promise<Daemon> {
  const { config, secrets, log, clock } = options
  const metrics = new Metrics()
  const troubles = new Troubles()
  const inference = openInference(options, metrics, troubles)
  const parts = await openParts({ ...options, metrics, troubles, inference }, owner)
  const page = owner.add(new DaemonPage(options), (part) => part.stop())
  const delivered: MqttOptions['onAlarmDelivered'] = (alarm, at) => {
    metrics.delivered(alarm, at)
    page.delivered(alarm)
  }
  const mqtt = parts.serving.add(openMqtt(options, parts, delivered, troubles), (part) => part.stop())
  const about = { ...alarmOptions(config), model: modelOf(parts.manifest), clock }
  const alarms = createAlarms(about)
  const telling = page.hearing(mqtt)
  const references = await openBedReferences(options, parts, telling, owner)
  const reporter = owner.add(openReporter(options, parts, { alarms, references, telling, metrics }), (part) =>
    part.shutdown()
  )
  const recalled = recallAlarms(config.alarm_log.path, page.recalling(alarms), log)
  troubles.subscribe((...trouble) => reporter.technical(...trouble))
  const seenFaces = new SeenFaces({ ...seenFacesOptions(config), tell: (...told) => reporter.faces(...told) })
  const watching = owner.group()
  const reported = {
    parts,
    inference,
    reporter,
    seenFaces,
    references,
    ...cameraMemory(parts, mqtt, options),
    locations: about.cameras
  }
  const cameras = watching.add(new Cameras({ ...reported, secrets, log, clock }), (part) => part.stop())
  const loop = watching.add(watchLoopDelay(), (part) => part.stop())
  const { watched } = cameras
  const activeAlarms = (): number => reporter.activeAlarms
  const shown = { model: about.model, cameras: watched, seenFaces, activeAlarms, page: () => page.stats() }
  const seen = { ...parts, ...shown, mqtt, progress: inference.progress, metrics, loop }
  const supervision = parts.serving.add(new Supervision({ ...seen, log, clock }), (part) => part.stop())
  const selfWatch = new SelfWatch({ ...parts, mqtt, outboxMax: config.outbox.max_messages, tell: troubles.tell, clock })
  const commands = commandHandlers({ alarms, cameras: watched, reporter, references, recalled, clock })
  mqtt.start({
    commands,
    health: () => supervision.health(),
    onConnectionChange: (connected) => {
      if (!connected) return
      // First the broker's return, or `broker_lost` would be published once more as active.
      selfWatch.tick()
      reporter.refresh()
    }
  })
  watching.add(watchClock(troubles), (part) => part.stop())
  owner.add(inference, (part) => part.stopping())
  const tick = (): void => {
    inference.stuck(supervision.tick().find(isStuckInference) ?? null)
    for (const part of [reporter, selfWatch, page]) part.tick()
  }
  owner.add(setInterval(tick, tickMs), clearInterval)
  await cameras.takeOver(config.cameras)
  await supervision.serve(config.http)
  await page.open({ mqtt, supervision, commands, cameras: watched })
  await watching.open(openControl(options, parts, watched, commands), (part) => part.stop())
  return new JoinedStages({ owner, config, parts, mqtt, cameras, supervision, troubles })
}

function openControl(
  { config, configFile, secrets, log, clock }: DaemonOptions,
  { outbox }: Parts,
  cameras: Cameras['watched'],
  { reference }: CommandHandlers
): Promise<Control> {
  const { device } = config
  const path = controlSocket(config.outbox.path, process.env)
  const seen = { path, device, configFile, cameras, outbox, reference }
  return startControl({ ...seen, secrets, log: log.child({ stage: 'control' }), clock })
}

function openInference({ log }: DaemonOptions, metrics: Metrics, troubles: Troubles): Inference {
  return new Inference({
    now: () => performance.now(),
    onDone: (part, ms) => metrics.stage(part, ms),
    onTrouble: (problem) => troubles.tell('inference_failed', problem && problemOf(problem)),
    log
  })
}

/** What the broker and the disk hold of the cameras of this and earlier runs. */
function cameraMemory({ outbox }: Parts, mqtt: Mqtt, { config, clock }: DaemonOptions) {
  const published = new PublishedCameras(outbox, mqtt)
  published.clearAllBut(new Set(config.cameras.map(({ id }) => id)))
  const settings = config.mqtt.home_assistant
  const homeAssistant = new HomeAssistant({ device: config.device, settings, mqtt, outbox })
  homeAssistant.withdrawOthers()
  return { published, homeAssistant, pauses: new Pauses(outbox, clock) }
}

function openMqtt(
  { config, secrets, log, clock }: DaemonOptions,
  { outbox }: Parts,
  onAlarmDelivered: MqttOptions['onAlarmDelivered'],
  troubles: Troubles
): Mqtt {
  return createMqtt({
    ...mqttOptions(config),
    session: randomUUID(),
    version,
    outbox,
    onAlarmDelivered,
    onExplanationRefused: (refusal) =>
      troubles.tell('explanation_failed', refusal && problemOf(refusal), { source: 'broker' }),
    secrets,
    log: log.child({ stage: 'mqtt' }),
    clock
  })
}

/** Null where alarm.reference.enabled is false. */
async function openBedReferences(
  { config, log, clock }: DaemonOptions,
  { manifest, classifier }: Parts,
  telling: Telling,
  owner: Owner
): Promise<References | null> {
  if (!config.alarm.reference.enabled) return null
  const { sha256, labels, alarmIndex, resting } = manifest
  const opened = openReferences({
    ...referencesOptions(config),
    model: {
      ...{ sha256, labels, alarmIndex, resting, reading: classifier.reading },
      scoreOf: (logits) => classifier.scoreOf(logits)
    },
    exact: (verdict) => classifier.exact(verdict),
    cameras: new Set(config.cameras.map(({ id }) => id)),
    publish: (camera, told) => telling.cameraReference(camera, told),
    log: log.child({ stage: 'reference' }),
    clock
  })
  return owner.open(opened, (part) => part.stop())
}

/** The reporter, after it has reported the ends of an earlier run's alarms. */
function openReporter(
  { config, log, clock }: DaemonOptions,
  { classifier, explainer, alarmLog, outbox }: Parts,
  {
    alarms,
    references,
    telling,
    metrics
  }: { alarms: Alarms; references: References | null; telling: Telling; metrics: Metrics }
): Reporter {
  const explanations =
    explainer &&
    new ExplainedAlarms({
      stage: explainer,
      threshold: config.explanation.threshold,
      publish: (message) => {
        telling
          .putExplanationInOutbox(message)
          .catch((error: unknown) => log.error(errorFields(error), 'an explanation is lost'))
      },
      log: log.child({ stage: 'explain' }),
      clock
    })
  const reporter = new Reporter({
    alarms,
    mqtt: telling,
    alarmLog,
    references,
    float32: classifier,
    explanations,
    measured: metrics,
    log,
    clock
  })
  const ends = endsOfUnfinishedAlarms(outbox, clock.now(), clock)
  for (const end of ends) alarms.recall(end)
  reporter.send(ends)
  return reporter
}

function watchClock(troubles: Troubles): ClockWatch {
  const watch = new ClockWatch({
    ask: (signal) => isSynchronised(undefined, signal),
    tell: (problem) => troubles.tell('clock_unsynchronised', problem)
  })
  watch.start()
  return watch
}

const needsRestart = (sections: readonly string[]): Problem => ({
  code: 'PL-CONFIG-RESTART',
  message: `only a restart applies the changes of: ${sections.join(', ')}`
})

interface JoinedParts {
  owner: Owner
  config: Config
  parts: Pick<Parts, 'classifier'>
  mqtt: Pick<Mqtt, 'connected'>
  cameras: Cameras
  supervision: Pick<Supervision, 'live'>
  troubles: Pick<Troubles, 'tell'>
}

class JoinedStages implements Daemon {
  readonly #joined: JoinedParts
  #config: Config
  #reloading: Promise<unknown> = Promise.resolve()

  constructor(joined: JoinedParts) {
    this.#joined = joined
    this.#config = joined.config
    // A camera may be starting or stopping at this moment.
    joined.owner.add(this, (daemon) => daemon.#reloading)
  }

  summary(): string {
    const { cameras, mqtt, parts } = this.#joined
    const states = [...cameras.watched.values()].map((camera) => camera.stats().state)
    const ok = states.filter((state) => state === 'ok').length
    const broker = mqtt.connected() ? 'connected' : 'away'
    return `${ok} of ${states.length} cameras ok, broker ${broker}, inference on ${parts.classifier.proof.provider}`
  }

  isAlive(): boolean {
    return this.#joined.supervision.live().ok
  }

  reload(config: Config): Promise<string[]> {
    // In sequence: a second SIGHUP may come while a camera of the first is still stopping.
    const reloaded = this.#reloading.then(() => this.#reload(config))
    this.#reloading = reloaded.catch(() => undefined)
    return reloaded
  }

  rejected(problem: Error): void {
    const message = problem.message.replace(/\s+/g, ' ').slice(0, maxDetail)
    this.#joined.troubles.tell('config_rejected', { code: codeOf(problem), message })
  }

  stop(): Promise<void> {
    return this.#joined.owner.close()
  }

  async #reload(config: Config): Promise<string[]> {
    const { owner, cameras, troubles } = this.#joined
    if (owner.closed) return []
    await cameras.takeOver(config.cameras)
    const before = this.#config
    this.#config = { ...before, cameras: config.cameras }
    const sections = Object.keys(config) as (keyof Config)[]
    const left = sections.filter(
      (section) => section !== 'cameras' && !isDeepStrictEqual(before[section], config[section])
    )
    troubles.tell('config_rejected', left.length > 0 ? needsRestart(left) : null)
    return left
  }
}
