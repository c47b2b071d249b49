/** Frames per second through the joined stages, against ONNX Runtime alone on the same inputs, alternating in one run. */
import * as ort from 'onnxruntime-node'
import { Observable } from 'rxjs'
import { configSchema } from '#painlens/config/schema.js'
import { systemClock } from '#painlens/core/clock.js'
import { silentLog } from '#painlens/core/log.js'
import type { Frame } from '#painlens/core/types.js'
import { cameraLine } from '#painlens/daemon/line/camera-line.js'
import { Reporter } from '#painlens/daemon/report/reporter.js'
import { alarmOptions } from '#painlens/daemon/wiring/mapping.js'
import { alignFace } from '#painlens/lib/face/align.js'
import { FaceNetworks } from '#painlens/lib/face/networks.js'
import { searchFaces } from '#painlens/lib/face/search.js'
import { CameraTracks } from '#painlens/lib/face/tracker.js'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { batchDims, preprocess } from '#painlens/lib/model/preprocess.js'
import { openSession } from '#painlens/lib/ort/provider.js'
import { median } from '#painlens/lib/statistics/index.js'
import { createAlarms } from '#painlens/stages/alarm/index.js'
import { startClassifier } from '#painlens/stages/classify/index.js'
import { startDetector } from '#painlens/stages/detect/index.js'
import { faceModels } from './models.js'
import { ms, table } from './table.js'

const config = configSchema.parse({
  device: 'bench',
  mqtt: { url: 'mqtt://localhost' },
  cameras: [{ id: 'bench', url: 'rtsp://localhost/bench' }]
})

type Run = { session: ort.InferenceSession; feeds: ort.InferenceSession.FeedsType }

/** Every session call that the frames lead to, with copies of its inputs; the same calls, and no more, make "bare". */
async function recordRuns(manifest: Manifest, frames: readonly Frame[], threads: number) {
  const networks = await FaceNetworks.open(faceModels, { provider: 'cpu', threads })
  const classifier = await openSession(manifest.file, { provider: 'cpu', threads })
  const runs: Run[] = []
  const sessions = [networks.finder, networks.detector, networks.landmarker]
  for (const session of sessions) {
    const original = session.run.bind(session)
    // Of its overloads the networks call this one.
    session.run = ((feeds: Run['feeds']) => {
      runs.push({ session, feeds })
      return original(feeds)
    }) as never
  }
  const tracks = new CameraTracks()
  for (const frame of frames) {
    const plan = tracks.plan(frame.camera, frame, frame.at)
    const faces = await searchFaces(networks, frame, { minScore: 0.5, ...plan })
    tracks.update(frame.camera, faces, frame.at)
    for (const face of faces) {
      const crop = alignFace(frame, face.landmarks, manifest.input, manifest.alignment)
      const data = new ort.Tensor('float32', preprocess(crop, manifest.input), batchDims(manifest.input, 1))
      runs.push({ session: classifier, feeds: { [classifier.inputNames[0]!]: data } })
    }
  }
  for (const session of sessions) delete (session as { run?: unknown }).run
  return { runs, close: () => Promise.all([networks.close(), classifier.release()]) }
}

/** The stages as the daemon joins them; what would go to the broker is counted instead. */
async function openStages(manifest: Manifest, threads: number) {
  const detector = await startDetector({
    models: faceModels,
    crop: manifest.input,
    alignment: manifest.alignment,
    provider: 'cpu',
    threads,
    log: silentLog
  })
  const classifier = await startClassifier({ manifest, provider: 'cpu', threads, log: silentLog })
  const alarms = createAlarms({ ...alarmOptions(config), model: null, clock: systemClock })
  let published = 0
  const mqtt = {
    putAlarmInOutbox: async () => void published++,
    putAcknowledgementInOutbox: async () => undefined,
    cameraPain: () => undefined,
    observation: () => void published++,
    cameraState: () => undefined,
    refresh: () => undefined
  }
  const clock = systemClock
  const reporter = new Reporter({
    alarms,
    mqtt,
    alarmLog: { append: () => undefined },
    references: null,
    float32: classifier,
    explanations: null,
    measured: { frame: () => undefined, alarm: () => undefined },
    log: silentLog,
    clock
  })
  return { detector, classifier, reporter, published: () => published }
}

type Stages = Awaited<ReturnType<typeof openStages>>

/** Pushes the frames as fast as they are taken: one being looked at, while the one before is being judged. */
function passThrough({ detector, classifier, reporter }: Stages, frames: readonly Frame[]): Promise<number> {
  let refill: () => void = () => undefined
  const source = new Observable<Frame>((subscriber) => {
    let next = 0
    refill = () => {
      const frame = frames[next++]
      if (frame) subscriber.next(frame)
      else subscriber.complete()
    }
    refill()
  })
  const camera = config.cameras[0]!
  const startedAt = performance.now()
  let turn: Promise<unknown> = Promise.resolve()
  return new Promise((resolve, reject) => {
    cameraLine(source, {
      detect: (frame) => detector.detect(frame, []),
      classify: (sighting) => {
        const judging = classifier.classify(sighting)
        // Its turn has come when the one before has ended; then nothing waits.
        void turn.then(() => setImmediate(refill))
        turn = judging.verdicts.catch(() => undefined)
        return judging
      },
      onDrop: () => reject(new Error('a frame was dropped')),
      onFailure: reject,
      onSuccess: () => undefined
    }).subscribe({
      next: (judged) => reporter.judged(judged, camera),
      complete: () => resolve(performance.now() - startedAt)
    })
  })
}

async function replay(runs: readonly Run[]): Promise<number> {
  const startedAt = performance.now()
  for (const { session, feeds } of runs) await session.run(feeds)
  return performance.now() - startedAt
}

/** @returns a Markdown table: frames per second of both, and their ratio (the aim is 0.85 or more) */
export async function throughputTable(
  manifests: readonly Manifest[],
  frames: readonly Frame[],
  threads: number,
  rounds: number
): Promise<string> {
  const rows: string[][] = []
  for (const manifest of manifests) {
    const bare = await recordRuns(manifest, frames, threads)
    const stages = await openStages(manifest, threads)
    const [joinedTimes, bareTimes]: [number[], number[]] = [[], []]
    for (let round = 0; round <= rounds; round++) {
      const bareMs = await replay(bare.runs)
      const joinedMs = await passThrough(stages, frames)
      if (round === 0) continue // Caches and packed weights are warm only from here on.
      bareTimes.push(bareMs)
      joinedTimes.push(joinedMs)
    }
    await Promise.all([bare.close(), stages.detector.stop(), stages.classifier.stop()])
    const fps = (times: number[]): number => (1000 * frames.length) / median(times)
    const [joined, alone] = [fps(joinedTimes), fps(bareTimes)]
    rows.push([manifest.name, ms(joined), ms(alone), (joined / alone).toFixed(2), String(stages.published())])
  }
  return table(['model', 'joined stages, fps', 'bare ONNX Runtime, fps', 'ratio', 'published'], rows)
}
