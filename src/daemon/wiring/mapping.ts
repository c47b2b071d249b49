/** Maps the config to the options of the stages. */
import { stat } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import type { CameraConfig, Config } from '../../config/index.js'
import { isThisDevice } from '../../config/url.js'
import type { AlarmMessage } from '../../contract/messages.js'
import type { Milliseconds, Seconds, WithUnits } from '../../core/clock.js'
import { faceModelFiles } from '../../lib/face/model-files.js'
import type { Manifest } from '../../lib/model/manifest.js'
import type { ProviderName } from '../../lib/ort/provider-names.js'
import type { PageOptions } from '../../page/index.js'
import { type AlarmOptions, longestPaceMs } from '../../stages/alarm/index.js'
import type { AlarmLogOptions } from '../../stages/alarm-log/index.js'
import { type Decoders, decoderFor } from '../../stages/camera/decoders.js'
import type { CameraOptions, CameraTiming, ShapeOptions } from '../../stages/camera/index.js'
import type { ClassifierOptions, LrpRequest } from '../../stages/classify/index.js'
import type { DetectorOptions } from '../../stages/detect/index.js'
import type { ExplainOptions } from '../../stages/explain/index.js'
import { inputOptionsOf } from '../../stages/explain/input-options.js'
import { protocolVersions } from '../../stages/mqtt/connect.js'
import type { BrokerOptions, MqttOptions } from '../../stages/mqtt/index.js'
import type { OutboxOptions } from '../../stages/outbox/index.js'
import type { ReferencesOptions } from '../../stages/reference/index.js'
import type { SeenFacesOptions } from '../health/seen-faces.js'

const hourMs = 3_600_000
const megabyte = 1e6

export function cameraOptions(camera: CameraConfig, decoders: Decoders) {
  const { fps, width, height, masks, dark_after_s, frozen_after_s, silent_after_s } = camera
  const picture = {
    frozenAfterMs: milliseconds(frozen_after_s),
    darkAfterMs: milliseconds(dark_after_s),
    silentAfterMs: silent_after_s * 1000
  }
  const decoder = decoderFor(camera.decoder, decoders)
  return {
    ...linkOptions(camera),
    fps,
    width,
    height,
    masks,
    picture,
    timing: cameraTiming(camera),
    decoder,
    ...shapeOptions(camera)
  } satisfies Partial<WithUnits<CameraOptions>>
}

/** Where a camera is, and how it is reached there. */
export function linkOptions({ id, url, tls, video_track }: CameraConfig) {
  const verified = tls && { ca: tls.ca, fingerprint: tls.fingerprint, serverName: tls.server_name }
  return { id, url, tls: verified, videoTrack: video_track } satisfies Partial<WithUnits<CameraOptions>>
}

const cameraTiming = ({ first_picture_s, silent_after_s }: CameraConfig): Partial<WithUnits<CameraTiming>> => ({
  connectMs: first_picture_s * 1000,
  readMs: silent_after_s * 1000,
  lostMs: silent_after_s * 1000
})

export const shapeOptions = ({ rotation, aspect }: CameraConfig): ShapeOptions => ({
  rotation,
  aspect: ratioOf(aspect)
})

function ratioOf(aspect: string | null): number | null {
  if (aspect === null) return null
  const [width, height] = aspect.split(':').map(Number)
  return width! / height!
}

/** With null: never. */
const milliseconds = (seconds: Seconds | null): Milliseconds =>
  seconds === null ? Number.POSITIVE_INFINITY : seconds * 1000

export function detectorOptions({ model, inference }: Config, manifest: Manifest, provider: ProviderName) {
  return {
    models: faceModelFiles(model.face_models!),
    crop: manifest.input,
    alignment: manifest.alignment,
    provider,
    threads: detectorThreads(inference.threads),
    minScore: inference.min_face_score
  } satisfies Partial<WithUnits<DetectorOptions>>
}

/**
 * Half of the cores by default, since detection and classification run at the same time. The classifier has all cores by
 * default, since alarms wait for it; explanations, with their lower priority, use the rest.
 */
const detectorThreads = (configured: number): number => configured || Math.max(1, Math.floor(cpus().length / 2))

/** The size of the model's file as a share of the memory: the machine's, or what the service or container is confined to. */
export async function modelShareOf({ file }: Manifest): Promise<number> {
  const { size } = await stat(file)
  const confined = process.constrainedMemory()
  return size / Math.min(totalmem(), confined > 0 ? confined : Number.POSITIVE_INFINITY)
}

/** @param modelShare see `modelShareOf` */
export function classifierOptions(config: Config, manifest: Manifest, modelShare: number) {
  const { inference, alarm, explanation } = config
  const { provider, threads } = inference
  const precision = {
    choice: inference.precision,
    // Where a model has an int8 file to be proved, and nowhere else.
    proofCrops: async () => (await import('./drawn-faces.js')).proofCrops(manifest),
    thresholds: [
      ...[alarm.onset_threshold, alarm.clear_threshold],
      ...(explanation.enabled ? [explanation.threshold] : []),
      ...(alarm.reference.enabled ? [alarm.reference.always_alarm] : [])
    ]
  }
  const lrp = sharesSession(config, modelShare) ? lrpRequest(config, manifest) : undefined
  return { manifest, provider, threads, precision, lrp } satisfies Partial<WithUnits<ClassifierOptions>>
}

/**
 * Two sessions and the rest of the daemon take 3.2 times the model's file, one session 2.1 times. Above this share of the memory
 * that difference matters more than the moments for which verdicts wait.
 */
const largestShareTwice = 1 / 8

function sharesSession({ explanation: { enabled, engine, session } }: Config, modelShare: number): boolean {
  if (!enabled || engine !== 'onnx') return false
  return session === 'shared' || (session === 'auto' && modelShare > largestShareTwice)
}

function lrpRequest({ explanation: { composite, gamma } }: Config, manifest: Manifest): LrpRequest {
  return { composite, options: { gamma: gamma ?? undefined, ...inputOptionsOf(manifest, composite) } }
}

/** Alarms never wait for explanations, so the engine is opened in the background. */
export function explainOptions({ explanation, privacy }: Config, manifest: Manifest, provider: ProviderName) {
  const { engine, composite, gamma, threads, views } = explanation
  const saveTo = privacy.save_heatmaps_to ?? undefined
  return {
    manifest,
    engine,
    composite,
    gamma: gamma ?? undefined,
    threads,
    views,
    provider,
    saveTo,
    inBackground: true
  } satisfies Partial<WithUnits<ExplainOptions>>
}

export function alarmOptions({ alarm, facility, cameras }: Pick<Config, 'alarm' | 'facility' | 'cameras'>) {
  return {
    cameras: Object.fromEntries(cameras.map(({ id, location }) => [id, location])),
    facility,
    rules: {
      onsetThreshold: alarm.onset_threshold,
      onsetS: alarm.onset_s,
      onsetFrames: alarm.onset_frames,
      clearThreshold: alarm.clear_threshold,
      clearS: alarm.clear_s,
      alwaysAlarm: alarm.reference.always_alarm,
      smoothingS: alarm.smoothing_s,
      updateS: alarm.update_s,
      updateMinS: alarm.update_min_s,
      updatesPerS: alarm.updates_per_s,
      trackLostS: alarm.track_lost_s,
      faceUnusableS: alarm.face_unusable_min * 60,
      remindS: alarm.remind_s
    },
    priorities: alarm.priority
  } satisfies Partial<WithUnits<AlarmOptions>>
}

/** Resting faces lie beside the outbox, in the state folder. */
export function referencesOptions({ alarm: { reference }, outbox }: Config) {
  const { max_shift: maxShift, always_alarm: alwaysAlarm, expires_days: expiresDays } = reference
  return {
    path: join(dirname(outbox.path), 'reference.json'),
    rules: { maxShift, alwaysAlarm, expiresDays }
  } satisfies Partial<WithUnits<ReferencesOptions>>
}

export function seenFacesOptions({ alarm }: Pick<Config, 'alarm'>) {
  const minutes = (value: number | null): number => milliseconds(value === null ? null : value * 60)
  return {
    afterMs: {
      face_unusable: minutes(alarm.face_unusable_min),
      nobody_seen: minutes(alarm.nobody_seen_min),
      overloaded: minutes(alarm.overloaded_min)
    },
    paceMs: longestPaceMs({ onsetS: alarm.onset_s, onsetFrames: alarm.onset_frames })
  } satisfies Partial<WithUnits<SeenFacesOptions>>
}

export function pageOptions({
  device,
  page: { host, port, tls, tokens, devices, path, history_days },
  privacy
}: Config) {
  return {
    host,
    port,
    tls: tls ?? (isThisDevice(host) ? undefined : ('own' as const)),
    tokens,
    device,
    others: [...new Set(devices)].filter((other) => other !== device),
    folder: path,
    historyDays: history_days,
    heatmaps: privacy.publish_heatmap
  } satisfies Partial<WithUnits<PageOptions>>
}

/** The model as alarms and health name it. */
export function modelOf({ name, sha256, demonstration }: Manifest): NonNullable<AlarmMessage['model']> {
  return { name, sha256, demonstration }
}

export function alarmLogOptions({ alarm_log }: Config) {
  return { path: alarm_log.path, maxBytes: alarm_log.max_mb * megabyte } satisfies Partial<WithUnits<AlarmLogOptions>>
}

export function outboxOptions({ outbox: { path, max_messages, expiry_h } }: Config) {
  return { path, maxMessages: max_messages, expiryMs: expiry_h * hourMs } satisfies Partial<WithUnits<OutboxOptions>>
}

export function brokerOptions({ mqtt }: Config): WithUnits<BrokerOptions> {
  const { url, username, password, client_id, tls, keepalive_s } = mqtt
  const certificates = tls && { ca: tls.ca, cert: tls.cert, key: tls.key, serverName: tls.server_name }
  return { url, username, password, clientId: client_id, tls: certificates, keepaliveS: keepalive_s }
}

export function mqttOptions(config: Config) {
  const { protocol } = config.mqtt
  const { publish_emotions, publish_heatmap } = config.privacy
  return {
    broker: brokerOptions(config),
    // Undefined: 5, and 3.1.1 where the broker refuses that.
    protocolVersion: protocol === 'auto' ? undefined : protocolVersions[protocol],
    device: config.device,
    privacy: { publishEmotions: publish_emotions, publishHeatmap: publish_heatmap }
  } satisfies Partial<WithUnits<MqttOptions>>
}
