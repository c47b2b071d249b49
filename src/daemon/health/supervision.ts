/** The health of painlens, for the watchdog, HTTP, the health message and metrics. */
import type { Config } from '../../config/index.js'
import type { CameraShapeHealth, ExplanationHealth, HealthMessage, PrecisionHealth } from '../../contract/messages.js'
import { type Clock, type Moment, stamp } from '../../core/clock.js'
import type { Problem } from '../../core/errors.js'
import { LastSaid, type Log } from '../../core/log.js'
import type { ListenerStats } from '../../core/persistent-listener.js'
import type { Size } from '../../core/types.js'
import { type CameraShape, ratioText } from '../../stages/camera/index.js'
import type { Classifier, PrecisionStatus } from '../../stages/classify/index.js'
import type { Detector } from '../../stages/detect/index.js'
import type { ExplainStage, ExplainStats } from '../../stages/explain/index.js'
import type { Mqtt } from '../../stages/mqtt/index.js'
import type { Outbox } from '../../stages/outbox/index.js'
import type { Progress } from '../line/inference.js'
import type { WatchedCamera } from '../line/watched-camera.js'
import { type HttpStage, type Report, startHttp } from './http.js'
import type { LatencyWindow, LoopDelay, Metrics } from './metrics.js'
import type { FacesOfCamera, SeenFaces } from './seen-faces.js'
import { type Defect, examine } from './vitals.js'

export interface SupervisionOptions {
  model: HealthMessage['model']
  detector: Pick<Detector, 'restarted'>
  classifier: Pick<Classifier, 'restarted' | 'proof' | 'precision'>
  explainer: Pick<ExplainStage, 'stats'> | null
  outbox: Pick<Outbox, 'stats' | 'depth'>
  mqtt: Pick<Mqtt, 'stats'>
  cameras: ReadonlyMap<string, WatchedCamera>
  seenFaces: Pick<SeenFaces, 'of'>
  /** How many alarms are active, tests among them. */
  activeAlarms: () => number
  progress: Progress
  /** Null where the page is turned off. */
  page: () => ListenerStats | null
  metrics: Metrics
  loop: LoopDelay
  log: Log
  clock: Clock
}

export class Supervision {
  readonly #options: SupervisionOptions
  readonly #startedAt: number
  readonly #stuck = new LastSaid<string>()
  #http: HttpStage | null = null

  constructor(options: SupervisionOptions) {
    const { detector, classifier, outbox, mqtt, cameras, seenFaces, metrics, loop, clock } = options
    this.#options = options
    this.#startedAt = clock.now()
    metrics.read({
      cameras: () => [...cameras].map(([id, camera]) => [id, camera.stats()]),
      faces: () => {
        const now = clock.now()
        return [...cameras.keys()].map((id) => {
          const { usableAt, usableShare, judgedEveryMs } = seenFaces.of(id, now)
          return [id, { usableAgeMs: usableAt === null ? null : now - usableAt, usableShare, judgedEveryMs }] as const
        })
      },
      outbox: () => outbox.stats(),
      mqtt: () => mqtt.stats(),
      workers: () => ({ detect: detector.restarted, classify: classifier.restarted }),
      loopP99Ms: () => loop.p99(),
      publishP95Ms: () => metrics.publishing.percentile(0.95),
      live: () => this.live().ok,
      ready: () => this.ready().ok
    })
  }

  /** To be called each second. @returns the current defects; each change of the stuck parts is logged */
  tick(): Defect[] {
    const { progress, log } = this.#options
    progress.tick()
    const defects = this.defects()
    const stuck = defects.filter(({ stops }) => stops === 'live')
    const isNew = this.#stuck.isNew(stuck.map(({ part }) => part).join(', ') || null)
    if (isNew && stuck.length > 0)
      log.error({ stuck: stuck.map(({ part, why }) => `${part}: ${why}`) }, 'a part of painlens is stuck')
    return defects
  }

  defects(): Defect[] {
    const { cameras, mqtt, outbox, progress } = this.#options
    const { connected, trouble, refusal } = mqtt.stats()
    return examine({
      ...progress.snapshot(),
      cameras: [...cameras].map(([id, camera]) => ({ id, ...camera.stats() })),
      broker: { connected, trouble, refusal },
      outbox: outbox.stats()
    })
  }

  live(): Report {
    return reportOf(this.defects().filter(({ stops }) => stops === 'live'))
  }

  ready(): Report {
    return reportOf(this.defects())
  }

  /** The health message of the contract; the event loop's delay is since the last message. */
  health(): HealthMessage {
    const message = this.look()
    this.#options.loop.reset()
    return message
  }

  /** What the next health message would say. */
  look(): HealthMessage {
    const { model, classifier, explainer, outbox, cameras, seenFaces, activeAlarms, page, metrics, loop, clock } =
      this.#options
    const now = clock.now()
    const loopP99 = tenth(loop.p99())
    return {
      at: stamp(clock, now),
      uptime_s: Math.round((now - this.#startedAt) / 1000),
      cameras: Object.fromEntries(
        [...cameras].map(([id, camera]) => [id, cameraHealth(camera, seenFaces.of(id, now), clock)])
      ),
      active_alarms: activeAlarms(),
      latency_ms: percentiles(metrics.latency),
      publish_ms: { ...percentiles(metrics.publishing), alarms: metrics.publishing.count },
      event_loop_ms: { p99: loopP99 },
      outbox: { depth: outbox.depth() },
      problems: [...this.ready().parts],
      http: listening(this.#http?.stats() ?? null),
      page: listening(page()),
      provider: classifier.proof.provider,
      precision: precisionHealth(classifier.precision),
      model,
      explanation: explainer ? explanationHealth(explainer.stats()) : null
    }
  }

  /** Resolves when it listens, or after a first failure. */
  async serve({ enabled, host, port, token }: Config['http']): Promise<void> {
    if (!enabled) return
    this.#http = await startHttp({
      host,
      port,
      token,
      live: () => this.live(),
      ready: () => this.ready(),
      metrics: () => this.#options.metrics.text(),
      log: this.#options.log.child({ stage: 'http' })
    })
  }

  async stop(): Promise<void> {
    await this.#http?.stop()
  }
}

const reportOf = (defects: readonly Defect[]): Report => ({
  ok: defects.length === 0,
  parts: defects.map(({ part, why, code }) => ({ part, why, code }))
})

const told = (problem: Problem | null) => ({ problem: problem?.message ?? null, code: problem?.code ?? null })

const listening = (stats: ListenerStats | null) => stats && { address: stats.address, ...told(stats.problem) }

const percentiles = (window: LatencyWindow) => ({
  p50: tenth(window.percentile(0.5)),
  p95: tenth(window.percentile(0.95))
})

function precisionHealth({ used, compared, problem }: PrecisionStatus): PrecisionHealth {
  const thousandth = (value: number): number => Math.round(value * 1000) / 1000
  const rounded = compared && {
    faces: compared.faces,
    mean: thousandth(compared.mean),
    max: thousandth(compared.max),
    speed: tenth(compared.speed)
  }
  return { used, compared: rounded, ...told(problem) }
}

function explanationHealth(stats: ExplainStats): ExplanationHealth {
  const { state, engine, choice, problem, lastMs, done, failed } = stats
  const chosenBy = choice && {
    tfjs_ms: tenth(choice.tfjsMs),
    onnx_ms: tenth(choice.onnxMs),
    difference: Number(choice.difference.toPrecision(2))
  }
  return { state, engine, choice: chosenBy, ...told(problem), last_ms: tenth(lastMs), done, failed }
}

function cameraHealth(camera: WatchedCamera, faces: FacesOfCamera, clock: Clock): HealthMessage['cameras'][string] {
  const stats = camera.stats()
  const { state, reason = null, code = null, fps, frames, dropped, damaged, lastFrameAt, shape } = stats
  const stampOf = (at: Moment | null) => (at === null ? null : stamp(clock, at))
  const { faceAt, usableAt, usableShare, judgedEveryMs } = faces
  const usable = {
    face_at: stampOf(faceAt),
    usable_face_at: stampOf(usableAt),
    usable_share: usableShare === null ? null : Math.round(usableShare * 1000) / 1000,
    judged_every_s: judgedEveryMs === null ? null : Math.round(judgedEveryMs / 100) / 10
  }
  const counts = { frames, dropped, damaged, last_frame: stampOf(lastFrameAt) }
  const decoder = { decoder: stats.decoder, decoder_problem: stats.decoderProblem, shape: shape && shapeHealth(shape) }
  const { ward, room, bed } = camera.config.location
  const told = { problem: reason, code, location: { ward, room, bed } }
  return { state, fps: tenth(fps), ...counts, ...usable, ...told, ...decoder }
}

function shapeHealth({ coded, sampleAspect, rotation, picture }: CameraShape): CameraShapeHealth {
  return { coded: pair(coded), pixels: ratioText(sampleAspect), rotation, shown: pair(picture) }
}

const pair = ({ width, height }: Size): [number, number] => [width, height]

function tenth(value: number): number
function tenth(value: number | null): number | null
function tenth(value: number | null): number | null {
  return value === null ? null : Math.round(value * 10) / 10
}
