/** The metrics in Prometheus's format: values read at each scrape, and histograms of durations. */
import { readdirSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { AlarmMessage } from '../../contract/messages.js'
import { version } from '../../core/version.js'
import type { MqttStats } from '../../stages/mqtt/index.js'
import type { OutboxStats } from '../../stages/outbox/index.js'
import type { WatchedCameraStats } from '../line/watched-camera.js'

const stageBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export class Metrics {
  /** From a frame's capture to the hand-over of its results. */
  readonly latency = new LatencyWindow()
  /** From the frame that started an alarm to the broker's confirmation. */
  readonly publishing = new LatencyWindow()
  readonly #registry = new Registry()
  readonly #stages: Histogram<'stage'>
  readonly #inference: Histogram
  readonly #batch: Histogram
  readonly #publish: Histogram
  readonly #alarms: Counter<'condition' | 'phase'>

  constructor() {
    const registers = [this.#registry]
    const seconds = { buckets: stageBuckets, registers }
    this.#stages = new Histogram({
      name: 'painlens_stage_seconds',
      help: 'From the call of a stage to its answer, waiting included; frame is from capture to verdict.',
      labelNames: ['stage'],
      ...seconds
    })
    this.#inference = new Histogram({
      name: 'painlens_inference_seconds',
      help: 'The classifier alone, a batch of the faces that waited for it.',
      ...seconds
    })
    this.#batch = new Histogram({
      name: 'painlens_inference_faces',
      help: 'Faces in one inference of the classifier, of all cameras.',
      buckets: [1, 2, 4, 8, 16],
      registers
    })
    this.#publish = new Histogram({
      name: 'painlens_capture_to_publish_seconds',
      help: 'From the frame that started an alarm to the broker having confirmed it; late ones left out.',
      ...seconds
    })
    this.#alarms = new Counter({
      name: 'painlens_alarms_total',
      help: 'Alarm messages, tests included.',
      labelNames: ['condition', 'phase'],
      registers
    })
  }

  /** Adds these values to each scrape. */
  read(sources: MetricSources): void {
    const registers = [this.#registry]
    for (const row of gauges) addGauge(row, sources, registers)
    for (const row of counters) addCounter(row, sources, registers)
  }

  /** A frame's results have been handed over. @param ms since its capture */
  frame(ms: number): void {
    this.latency.add(ms)
    this.stage('frame', ms)
  }

  /** A stage has answered. */
  stage(stage: string, ms: number): void {
    this.#stages.observe({ stage }, ms / 1000)
  }

  /** The classifier has classified this many faces in one inference. */
  inference(ms: number, faces: number): void {
    this.#inference.observe(ms / 1000)
    this.#batch.observe(faces)
  }

  /**
   * The broker has confirmed an alarm. Late ones do not count: their time is that of an outage.
   * @param at in ms since the epoch
   */
  delivered({ condition, phase, late, updated }: AlarmMessage, at: number): void {
    if (condition !== 'pain' || phase !== 'start' || late) return
    const ms = at - Date.parse(updated)
    // What lay in the outbox may be damaged. A failure here would have the outbox send it again, for ever.
    if (!Number.isFinite(ms)) return
    this.publishing.add(ms)
    this.#publish.observe(ms / 1000)
  }

  /** An alarm message is on its way. */
  alarm(condition: string, phase: string): void {
    this.#alarms.inc({ condition, phase })
  }

  async text(): Promise<{ type: string; text: string }> {
    return { type: this.#registry.contentType, text: await this.#registry.metrics() }
  }
}

function addGauge([name, help, labelNames, read]: MetricRow, sources: MetricSources, registers: Registry[]): void {
  const gauge = new Gauge({
    name,
    help,
    labelNames,
    registers,
    collect: () => {
      gauge.reset()
      // A metric without labels would else stay as 0 if it has no value.
      if (labelNames.length === 0) gauge.remove()
      for (const [labels, value] of read(sources)) gauge.set(labels, value)
    }
  })
}

function addCounter([name, help, labelNames, read]: MetricRow, sources: MetricSources, registers: Registry[]): void {
  const counter = new Counter({
    name,
    help,
    labelNames,
    registers,
    collect: () => {
      counter.reset()
      for (const [labels, value] of read(sources)) counter.inc(labels, value)
    }
  })
}

/** What is known of one camera's faces; null where there is nothing to tell. */
interface FacesReading {
  /** Since one was last seen that could be judged. */
  usableAgeMs: number | null
  /** 0..1 of the watched time of the last hour. */
  usableShare: number | null
  /** Usual time between two frames in which a face was judged. */
  judgedEveryMs: number | null
}

/** The values read at each scrape. */
export interface MetricSources {
  cameras: () => Iterable<[id: string, stats: WatchedCameraStats]>
  faces: () => Iterable<readonly [id: string, faces: FacesReading]>
  outbox: () => OutboxStats
  mqtt: () => Pick<MqttStats, 'connected' | 'connections'>
  workers: () => Record<string, number>
  loopP99Ms: () => number
  publishP95Ms: () => number | null
  live: () => boolean
  ready: () => boolean
}

type Reading = readonly [labels: Record<string, string>, value: number]
type ReadMetric = (sources: MetricSources) => readonly Reading[]
type MetricRow = readonly [name: string, help: string, labels: readonly string[], read: ReadMetric]

const cameraRow = (name: string, help: string, value: (stats: WatchedCameraStats) => number): MetricRow => [
  `painlens_camera_${name}`,
  help,
  ['camera'],
  ({ cameras }) => [...cameras()].map(([camera, stats]) => [{ camera }, value(stats)] as const)
]
const faceRow = (name: string, help: string, value: (faces: FacesReading) => number | null): MetricRow => [
  `painlens_camera_${name}`,
  help,
  ['camera'],
  ({ faces }) =>
    [...faces()].flatMap(([camera, seen]) => {
      const told = value(seen)
      return told === null ? [] : [[{ camera }, told] as const]
    })
]
const one = (value: number): readonly Reading[] => [[{}, value]]
const maybe = (ms: number | null): readonly Reading[] => (ms === null ? [] : one(ms / 1000))

const gauges: readonly MetricRow[] = [
  ['painlens_info', 'The version that runs.', ['version'], () => [[{ version }, 1]]],
  ['painlens_live', '1 unless a part of painlens is stuck; /live says which.', [], (s) => one(Number(s.live()))],
  [
    'painlens_ready',
    '1 if every camera is seen and alarms get through; /ready says more.',
    [],
    (s) => one(Number(s.ready()))
  ],
  cameraRow('fps', 'Frames per second over the last 5 s.', ({ fps }) => fps),
  cameraRow('ok', '1 while the camera gives pictures or is paused.', ({ state }) =>
    Number(state === 'ok' || state === 'paused')
  ),
  faceRow(
    'usable_face_age_seconds',
    'Since a face was last seen that could be judged; absent where there was none since the start.',
    ({ usableAgeMs }) => (usableAgeMs === null ? null : usableAgeMs / 1000)
  ),
  faceRow(
    'usable_share',
    'Of the time in the last hour in which the camera was watched, the share with a face that could be judged.',
    ({ usableShare }) => usableShare
  ),
  faceRow(
    'judged_every_seconds',
    'Usual time between two frames in which a face was judged; absent where none was for a minute.',
    ({ judgedEveryMs }) => (judgedEveryMs === null ? null : judgedEveryMs / 1000)
  ),
  [
    'painlens_camera_decoder',
    '1, by what decodes the pictures; fallback is 1 where it stands in for hardware that fails, base/health says why.',
    ['camera', 'decoder', 'fallback'],
    ({ cameras }) =>
      [...cameras()].map(([camera, { decoder, decoderProblem }]) => [
        { camera, decoder, fallback: decoderProblem === null ? '0' : '1' },
        1
      ])
  ],
  ['painlens_outbox_messages', 'Messages that the broker has not confirmed.', [], (s) => one(s.outbox().depth)],
  ['painlens_mqtt_connected', '1 while there is a connection.', [], (s) => one(Number(s.mqtt().connected))],
  [
    'painlens_capture_to_publish_p95_seconds',
    'From the frame that started an alarm to the broker having confirmed it, of the last 1000 alarms.',
    [],
    (s) => maybe(s.publishP95Ms())
  ],
  [
    'painlens_event_loop_p99_seconds',
    'How long the main thread was held up, since the last health message.',
    [],
    (s) => one(s.loopP99Ms() / 1000)
  ],
  ['process_resident_memory_bytes', 'Memory in RAM.', [], () => one(process.memoryUsage.rss())],
  ['nodejs_heap_size_used_bytes', "The main thread's JavaScript heap.", [], () => one(process.memoryUsage().heapUsed)],
  ['nodejs_external_memory_bytes', "The main thread's buffers.", [], () => one(process.memoryUsage().external)],
  ['nodejs_active_resources', 'Timers, sockets and the like, by type.', ['type'], () => activeResources()],
  ['process_open_fds', 'Open files and sockets.', [], () => openFiles()]
]

/** Counted elsewhere, and read here. */
const counters: readonly MetricRow[] = [
  cameraRow('frames_total', 'Frames handed on.', ({ frames }) => frames),
  cameraRow('dropped_total', 'Frames that were not judged: inference was slower, or failed.', ({ dropped }) => dropped),
  cameraRow('damaged_total', 'Frames that came damaged and were not judged.', ({ damaged }) => damaged),
  cameraRow('reconnects_total', 'Decoders started after the first one.', ({ restarts }) => restarts),
  ['painlens_mqtt_connections_total', 'Connections to the broker.', [], (s) => one(s.mqtt().connections)],
  [
    'painlens_outbox_lost_total',
    'Messages that were never delivered, by reason.',
    ['reason'],
    (s) => (['expired', 'evicted', 'refused'] as const).map((reason) => [{ reason }, s.outbox()[reason]])
  ],
  [
    'painlens_worker_restarts_total',
    'Workers started again after they had died.',
    ['part'],
    (s) => Object.entries(s.workers()).map(([part, count]) => [{ part }, count])
  ],
  ['process_cpu_seconds_total', 'CPU time of all threads.', [], () => one(cpuSeconds())]
]

function activeResources(): Reading[] {
  const counts = new Map<string, number>()
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1)
  return [...counts].map(([type, count]) => [{ type }, count])
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Linux only; absent elsewhere. */
function openFiles(): readonly Reading[] {
  try {
    return one(readdirSync('/proc/self/fd').length)
  } catch {
    return []
  }
}

/** The last `capacity` durations, for percentiles. */
export class LatencyWindow {
  readonly #values: Float64Array
  #count = 0

  constructor(capacity = 1000) {
    this.#values = new Float64Array(capacity)
  }

  add(ms: number): void {
    this.#values[this.#count++ % this.#values.length] = ms
  }

  get count(): number {
    return this.#count
  }

  /**
   * The smallest value with more than this share of the values at or below it, or the largest.
   * @param share 0..1
   * @returns null before the first value
   */
  percentile(share: number): number | null {
    const filled = Math.min(this.#count, this.#values.length)
    if (filled === 0) return null
    const sorted = this.#values.slice(0, filled).sort()
    return sorted[Math.min(filled - 1, Math.floor(share * filled))]!
  }
}

const resolutionMs = 10

export interface LoopDelay {
  /** Since the start or the last `reset`, in ms beyond the sampling interval. */
  p99(): number
  reset(): void
  stop(): void
}

/** Measures delays of the main thread's event loop. */
export function watchLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  histogram.enable()
  return {
    p99: () => Math.max(0, histogram.percentile(99) / 1e6 - resolutionMs),
    reset: () => histogram.reset(),
    stop: () => void histogram.disable()
  }
}
