/** The parts that run for all cameras, opened in order from the config; what was opened is closed if a later one fails. */
import { cpus } from 'node:os'
import type { CameraConfig, Config } from '../../config/index.js'
import type { Clock } from '../../core/clock.js'
import type { Log } from '../../core/log.js'
import type { Secrets } from '../../core/secrets.js'
import { faceModelFiles } from '../../lib/face/model-files.js'
import { loadManifest, type Manifest } from '../../lib/model/manifest.js'
import { type AlarmLog, openAlarmLog } from '../../stages/alarm-log/index.js'
import { type Camera, type Decoders, decoderFor, openCamera, probeDecoders } from '../../stages/camera/index.js'
import { type Classifier, startClassifier } from '../../stages/classify/index.js'
import { type Detector, startDetector } from '../../stages/detect/index.js'
import { type ExplainStage, startExplaining } from '../../stages/explain/index.js'
import { encode } from '../../stages/mqtt/index.js'
import { type Outbox, openOutbox } from '../../stages/outbox/index.js'

export interface PartsOptions {
  config: Config
  secrets: Secrets
  log: Log
  clock: Clock
  /** The classifier has judged so many faces in one inference. */
  onInference: (ms: number, faces: number) => void
  /** A worker that cannot be done without has died again and again. */
  onFatal: (error: Error) => void
  /** It died and is started again, or is given up; null when it serves again. */
  onWorkerProblem: (part: InferencePart, problem: Error | null) => void
  /** Ends a start that is under way. */
  signal?: AbortSignal
  /** Alarms go on without explanations; null when they have them again. */
  onExplainProblem: (problem: Error | null) => void
}

export interface Parts {
  manifest: Manifest
  decoders: Decoders
  outbox: Outbox
  alarmLog: AlarmLog
  detector: Detector
  classifier: Classifier
  explainer: ExplainStage | null
}

/** The stages that no frame gets past without. */
export type InferencePart = 'detect' | 'classify'

const hourMs = 3_600_000
const megabyte = 1e6

/**
 * @throws ModelError, ProviderError, ProgramError, DiskError as the parts do; nothing is left open then
 */
export async function openParts(options: PartsOptions): Promise<Parts> {
  const { config, log, clock, signal } = options
  const manifest = await loadManifest(config.model.manifest)
  const decoders = await probeDecoders()
  signal?.throwIfAborted()
  const opened: { stop(): Promise<void> }[] = []
  const keep = async <T>(part: Promise<T>, stop: (part: T) => Promise<void>): Promise<T> => {
    const value = await part
    opened.push({ stop: () => stop(value) })
    return value
  }
  try {
    const outbox = await keep(
      openOutbox({
        path: config.outbox.path,
        maxMessages: config.outbox.max_messages,
        expiryMs: config.outbox.expiry_h * hourMs,
        log: log.child({ stage: 'outbox' }),
        clock
      }),
      (part) => part.close()
    )
    const classifier = await keep(openClassifier(options, manifest), (part) => part.stop())
    const detector = await keep(openDetector(options, manifest, classifier), (part) => part.stop())
    const explainer = config.explanation.enabled
      ? await keep(openExplainer(options, manifest, classifier), (part) => part.stop())
      : null
    const alarmLog = openAlarmLogOf(options)
    return { manifest, decoders, outbox, alarmLog, detector, classifier, explainer }
  } catch (error) {
    for (const part of opened.reverse()) await part.stop()
    throw error
  }
}

/** Everything but the outbox and the alarm log. */
export async function stopInference({ detector, classifier, explainer }: Parts): Promise<void> {
  await Promise.all([detector.stop(), classifier.stop(), explainer?.stop()])
}

/** One camera as the config describes it. */
export function openConfiguredCamera(camera: CameraConfig, parts: Parts, options: PartsOptions): Camera {
  const { log, clock, secrets } = options
  const { id, url, fps, width, height, masks } = camera
  const about = log.child({ stage: 'camera' })
  return openCamera({
    id,
    url,
    fps,
    width,
    height,
    masks,
    picture: { frozenAfterMs: milliseconds(camera.frozen_after_s), darkAfterMs: milliseconds(camera.dark_after_s) },
    decoder: decoderFor(camera.decoder, parts.decoders),
    log: about,
    clock,
    secrets
  })
}

/** Null never comes. */
const milliseconds = (seconds: number | null): number => (seconds === null ? Number.POSITIVE_INFINITY : seconds * 1000)

function openAlarmLogOf({ config: { alarm_log }, secrets, log }: PartsOptions): AlarmLog {
  return openAlarmLog({
    path: alarm_log.path,
    maxBytes: alarm_log.max_mb * megabyte,
    encode: (message) => encode(message, secrets),
    log: log.child({ stage: 'alarm-log' })
  })
}

function openClassifier(options: PartsOptions, manifest: Manifest): Promise<Classifier> {
  const { config, log, onInference, signal } = options
  const { provider } = config.inference
  return startClassifier({
    manifest,
    provider,
    threads: config.inference.threads,
    log: log.child({ stage: 'classify' }),
    onInference,
    ...workerTroubles('classify', options),
    signal
  })
}

function openDetector(options: PartsOptions, manifest: Manifest, classifier: Classifier): Promise<Detector> {
  const { config, log, signal } = options
  return startDetector({
    models: faceModelFiles(config.model.face_models!),
    crop: manifest.input,
    alignment: manifest.alignment,
    provider: classifier.proof.provider,
    threads: detectorThreads(config),
    minScore: config.inference.min_face_score,
    log: log.child({ stage: 'detect' }),
    ...workerTroubles('detect', options),
    signal
  })
}

function workerTroubles(part: InferencePart, { onFatal, onWorkerProblem }: PartsOptions) {
  return {
    onTrouble: (problem: Error | null) => onWorkerProblem(part, problem),
    onGivenUp: (error: Error) => {
      // First, so that subscribers hear why painlens is about to be gone.
      onWorkerProblem(part, error)
      onFatal(error)
    }
  }
}

/** Alarms never wait for explanations, so the engine is opened while everything else runs. */
function openExplainer(
  { config, log, clock, onExplainProblem, signal }: PartsOptions,
  manifest: Manifest,
  classifier: Classifier
): Promise<ExplainStage> {
  const { engine, composite, threads, views } = config.explanation
  const saveTo = config.privacy.save_heatmaps_to ?? undefined
  return startExplaining({
    manifest,
    engine,
    composite,
    threads,
    views,
    provider: classifier.proof.provider,
    inBackground: true,
    saveTo,
    log: log.child({ stage: 'explain' }),
    clock,
    onProblem: onExplainProblem,
    signal
  })
}

/**
 * Half of the cores by default, for faces are found while others are judged. The classifier has all cores by default, since
 * nothing is published before it ends; explanations, with their lower priority, have what it leaves.
 */
function detectorThreads({ inference }: Config): number {
  return inference.threads || Math.max(1, Math.floor(cpus().length / 2))
}
