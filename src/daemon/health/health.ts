import type { ExplanationHealth, HealthMessage } from '../../contract/messages.js'
import { type Clock, stamp } from '../../core/clock.js'
import type { Problem } from '../../core/errors.js'
import type { ExplainStats } from '../../stages/explain/index.js'
import type { WatchedCamera } from '../line/watched-camera.js'
import type { Parts } from '../wiring/parts.js'
import type { LatencyWindow, LoopDelay } from './latency.js'
import type { Supervision } from './supervision.js'

export interface HealthSources {
  parts: Parts
  cameras: ReadonlyMap<string, WatchedCamera>
  supervision: Supervision
  loop: LoopDelay
  startedAt: number
  clock: Clock
}

/** The health message of the contract; the event loop's figure is since the last one. */
export function healthOf({ parts, cameras, supervision, loop, startedAt, clock }: HealthSources): HealthMessage {
  const { manifest, classifier, explainer, outbox } = parts
  const now = clock.now()
  const http = supervision.http()
  const loopP99 = tenth(loop.p99())
  loop.reset()
  return {
    at: stamp(clock, now),
    uptime_s: Math.round((now - startedAt) / 1000),
    cameras: Object.fromEntries([...cameras].map(([id, camera]) => [id, cameraHealth(camera, clock)])),
    latency_ms: percentiles(supervision.latency),
    publish_ms: { ...percentiles(supervision.publishing), alarms: supervision.publishing.count },
    event_loop_ms: { p99: loopP99 },
    outbox: { depth: outbox.depth() },
    problems: [...supervision.ready().parts],
    http: http && { address: http.address, ...told(http.problem) },
    provider: classifier.proof.provider,
    model: { name: manifest.name, sha256: manifest.sha256, demonstration: manifest.demonstration },
    explanation: explainer ? explanationHealth(explainer.stats()) : null
  }
}

const told = (problem: Problem | null) => ({ problem: problem?.message ?? null, code: problem?.code ?? null })

const percentiles = (window: LatencyWindow) => ({
  p50: tenth(window.percentile(0.5)),
  p95: tenth(window.percentile(0.95))
})

function explanationHealth(stats: ExplainStats): ExplanationHealth {
  const { state, engine, choice, problem, lastMs, done, failed } = stats
  const chosenBy = choice && {
    tfjs_ms: tenth(choice.tfjsMs),
    onnx_ms: tenth(choice.onnxMs),
    difference: Number(choice.difference.toPrecision(2))
  }
  return { state, engine, choice: chosenBy, ...told(problem), last_ms: tenth(lastMs), done, failed }
}

function cameraHealth(camera: WatchedCamera, clock: Clock): HealthMessage['cameras'][string] {
  const { state, fps, frames, dropped, lastFrameAt, decoder, decoderProblem } = camera.stats()
  const lastFrame = lastFrameAt === null ? null : stamp(clock, lastFrameAt)
  const decoding = { decoder, decoder_problem: decoderProblem }
  return { state, fps: tenth(fps), frames, dropped, last_frame: lastFrame, ...decoding }
}

function tenth(value: number): number
function tenth(value: number | null): number | null
function tenth(value: number | null): number | null {
  return value === null ? null : Math.round(value * 10) / 10
}
