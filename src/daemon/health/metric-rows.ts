/** The figures that /metrics reads when somebody asks, as data. */
import { readdirSync } from 'node:fs'
import { version } from '../../core/version.js'
import type { MqttStats } from '../../stages/mqtt/index.js'
import type { OutboxStats } from '../../stages/outbox/index.js'
import type { WatchedCameraStats } from '../line/watched-camera.js'

/** What is read at each scrape. */
export interface MetricSources {
  cameras: () => Iterable<[id: string, stats: WatchedCameraStats]>
  outbox: () => OutboxStats
  mqtt: () => MqttStats | undefined
  workers: () => Record<string, number>
  loopP99Ms: () => number
  publishP95Ms: () => number | null
  live: () => boolean
  ready: () => boolean
}

type Sample = readonly [labels: Record<string, string>, value: number]
type Read = (sources: MetricSources) => readonly Sample[]
export type Row = readonly [name: string, help: string, labels: readonly string[], read: Read]

const cameraRow = (name: string, help: string, value: (stats: WatchedCameraStats) => number): Row => [
  `painlens_camera_${name}`,
  help,
  ['camera'],
  ({ cameras }) => [...cameras()].map(([camera, stats]) => [{ camera }, value(stats)] as const)
]
const one = (value: number): readonly Sample[] => [[{}, value]]
const maybe = (ms: number | null): readonly Sample[] => (ms === null ? [] : one(ms / 1000))

export const gauges: readonly Row[] = [
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
  ['painlens_mqtt_connected', '1 while there is a connection.', [], (s) => one(Number(s.mqtt()?.connected ?? false))],
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
export const counters: readonly Row[] = [
  cameraRow('frames_total', 'Frames handed on.', ({ frames }) => frames),
  cameraRow('dropped_total', 'Frames that nobody judged: inference was slower, or failed.', ({ dropped }) => dropped),
  cameraRow('reconnects_total', 'Decoders started after the first one.', ({ restarts }) => restarts),
  ['painlens_mqtt_connections_total', 'Connections to the broker.', [], (s) => one(s.mqtt()?.connections ?? 0)],
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

function activeResources(): Sample[] {
  const counts = new Map<string, number>()
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1)
  return [...counts].map(([type, count]) => [{ type }, count])
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Linux only; elsewhere there is nothing to tell. */
function openFiles(): readonly Sample[] {
  try {
    return one(readdirSync('/proc/self/fd').length)
  } catch {
    return []
  }
}
