/** The parts that run for all cameras, opened in order. */
import type { Config } from '../../config/index.js'
import type { Clock } from '../../core/clock.js'
import { problemOf } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { Owner } from '../../core/owner.js'
import type { Secrets } from '../../core/secrets.js'
import { loadManifest } from '../../lib/model/load-manifest.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { type AlarmLog, openAlarmLog } from '../../stages/alarm-log/index.js'
import { type Decoders, probeDecoders } from '../../stages/camera/index.js'
import { type Classifier, startClassifier } from '../../stages/classify/index.js'
import { type Detector, startDetector } from '../../stages/detect/index.js'
import { type ExplainStage, startExplaining } from '../../stages/explain/index.js'
import { encode } from '../../stages/mqtt/index.js'
import { type Outbox, openOutbox } from '../../stages/outbox/index.js'
import type { Metrics } from '../health/metrics.js'
import type { Inference, InferencePart } from '../line/inference.js'
import type { Troubles } from '../report/reporter.js'
import {
  alarmLogOptions,
  classifierOptions,
  detectorOptions,
  explainOptions,
  modelShareOf,
  outboxOptions
} from './mapping.js'

/** Context of all parts. */
export interface Surroundings {
  config: Config
  secrets: Secrets
  log: Log
  clock: Clock
}

export interface PartsOptions extends Surroundings {
  /** Receives the parts' technical conditions. */
  metrics: Pick<Metrics, 'inference'>
  inference: Pick<Inference, 'worker'>
  troubles: Pick<Troubles, 'tell'>
  /** Called when a required worker has died too often. */
  onFatal: (error: Error) => void
  /** Aborts a pending start. */
  signal?: AbortSignal
}

export interface Parts {
  manifest: Manifest
  decoders: Decoders
  alarmLog: AlarmLog
  outbox: Outbox
  detector: Detector
  classifier: Classifier
  explainer: ExplainStage | null
  /** Owns the workers, which are stopped in parallel; later parts may join them. */
  serving: Owner
}

/**
 * @param owner of the parts. The outbox is closed after the workers: MQTT, which stops with them, uses it until then.
 * @throws ModelError, ProviderError, ProgramError, DiskError as the parts do
 */
export async function openParts(options: PartsOptions, owner: Owner): Promise<Parts> {
  const { config, secrets, log, clock, metrics, troubles, signal } = options
  const manifest = await loadManifest(config.model.manifest)
  const decoders = await probeDecoders()
  signal?.throwIfAborted()
  const writing = { encode: (message: object) => encode(message, secrets), log: log.child({ stage: 'alarm-log' }) }
  const alarmLog = owner.add(openAlarmLog({ ...alarmLogOptions(config), ...writing }), (part) => part.close())
  const keeping = { log: log.child({ stage: 'outbox' }), clock }
  const outbox = await owner.open(openOutbox({ ...outboxOptions(config), ...keeping }), (part) => part.close())
  const serving = owner.group()
  const classifier = await serving.open(
    startClassifier({
      ...classifierOptions(config, manifest, await modelShareOf(manifest)),
      ...workerTroubles('classify', options),
      onInference: (ms, faces) => metrics.inference(ms, faces),
      log: log.child({ stage: 'classify' }),
      signal
    }),
    (part) => part.stop()
  )
  const { provider } = classifier.proof
  const finding = { ...workerTroubles('detect', options), log: log.child({ stage: 'detect' }), signal }
  const detector = await serving.open(
    startDetector({ ...detectorOptions(config, manifest, provider), ...finding }),
    (part) => part.stop()
  )
  const onProblem = (problem: Error | null): void => troubles.tell('explanation_failed', problem && problemOf(problem))
  const explaining = { shared: classifier, onProblem, log: log.child({ stage: 'explain' }), clock, signal }
  const explainer = config.explanation.enabled
    ? await serving.open(startExplaining({ ...explainOptions(config, manifest, provider), ...explaining }), (part) =>
        part.stop()
      )
    : null
  return { manifest, decoders, alarmLog, outbox, detector, classifier, explainer, serving }
}

function workerTroubles(part: InferencePart, { inference, onFatal }: PartsOptions) {
  return {
    onTrouble: (problem: Error | null) => inference.worker(part, problem),
    onGivenUp: (error: Error) => {
      // First, so that subscribers get the reason before painlens ends.
      inference.worker(part, error)
      onFatal(error)
    }
  }
}
