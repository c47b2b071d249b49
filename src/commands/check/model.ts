import { access } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Config } from '../../config/index.js'
import { systemClock } from '../../core/clock.js'
import { ModelError, ProviderError } from '../../core/errors.js'
import { silentLog } from '../../core/log.js'
import type { Crop, Verdict } from '../../core/types.js'
import { faceInPain } from '../../daemon/wiring/drawn-faces.js'
import { classifierOptions, explainOptions, modelShareOf } from '../../daemon/wiring/mapping.js'
import { faceModelFiles } from '../../lib/face/model-files.js'
import { FaceNetworks } from '../../lib/face/networks.js'
import { loadManifest } from '../../lib/model/load-manifest.js'
import type { Manifest } from '../../lib/model/manifest.js'
import { batchDims } from '../../lib/model/preprocess.js'
import { proveProvider } from '../../lib/ort/provider.js'
import type { ProviderChoice } from '../../lib/ort/provider-names.js'
import { longestPaceMs } from '../../stages/alarm/index.js'
import { type Classifier, inWords, startClassifier } from '../../stages/classify/index.js'
import { startExplaining } from '../../stages/explain/index.js'
import { type CheckContext, type CheckResult, fail, failed, ok, warn } from './result.js'

/**
 * The manifest, the file's hash, and the model itself: opened as `run` opens it, for classifying and for explaining, and
 * asked for a rendered face.
 */
export async function checkModel({ config, signal }: CheckContext): Promise<CheckResult[]> {
  const manifest = await loadManifest(config.model.manifest)
  const wanted = classifierOptions(config, manifest, await modelShareOf(manifest))
  const open = (provider: ProviderChoice): Promise<Classifier> =>
    startClassifier({ ...wanted, provider, log: silentLog, signal })
  // A failing provider is reported by the line `provider`.
  const classifier = await open(config.inference.provider).catch((error: unknown) => {
    if (error instanceof ProviderError) return open('cpu')
    throw error
  })
  const crop = await faceInPain(manifest)
  const { provider } = classifier.proof
  const options = { ...explainOptions(config, manifest, provider), saveTo: undefined, inBackground: false }
  const explain = (shared?: Classifier): Promise<CheckResult> =>
    explained({ ...options, shared, log: silentLog, signal }, crop)
  const shares = classifier.lrp !== null
  const results: CheckResult[] = []
  try {
    results.push(
      await judged(manifest, classifier, crop),
      ...precisionOf(classifier),
      ...restingFacesOf(config, manifest),
      await paceOf(config, classifier, crop)
    )
    if (config.explanation.enabled && classifier.lrp) results.push(await explain(classifier))
  } finally {
    await classifier.stop()
  }
  // A session of its own is opened when the classifier's has gone: `check` needs no more memory than it must.
  if (config.explanation.enabled && !shares) results.push(await explain())
  return results
}

/** What was found of another precision than float32, where one was tried. */
function precisionOf({ precision: { used, compared, problem } }: Classifier): CheckResult[] {
  const what = 'precision'
  if (problem) return [warn(problem.code, what, `faces are judged in float32: ${problem.message}`)]
  return compared ? [ok(what, `faces are judged in ${used}: ${inWords(compared)}; float32 confirms alarms`)] : []
}

/** Whether resting faces, which the config turns on, can be taken with this model. */
function restingFacesOf({ alarm }: Config, { resting }: Manifest): CheckResult[] {
  const what = 'resting faces'
  if (!alarm.reference.enabled) return []
  return [
    resting === null
      ? warn('PL-REFERENCE-NO-RESTING', what, 'turned on, and none can be taken: the manifest has no resting')
      : ok(what, `turned on; they lower pain by ${alarm.reference.max_shift} at most, in units of the model's outputs`)
  ]
}

async function judge(classifier: Classifier, crop: Crop): Promise<Verdict> {
  const box = { x: 0, y: 0, width: crop.width, height: crop.height }
  const face = { track: 0, box, score: 1, landmarks: crop.landmarks, zone: null, crop, roll: 0, whyNot: null }
  const [verdict] = await classifier.classify({ camera: 'check', at: systemClock.now(), faces: [face] }).verdicts
  return verdict!
}

const trials = 3

/** Whether the classifier alone is quick enough for one face before each camera; what else the box does comes on top. */
async function paceOf({ cameras, alarm }: Config, classifier: Classifier, crop: Crop): Promise<CheckResult> {
  const what = 'pace'
  const tookMs: number[] = []
  for (let trial = 0; trial < trials; trial++) {
    const begun = performance.now()
    await judge(classifier, crop)
    tookMs.push(performance.now() - begun)
  }
  const roundMs = Math.min(...tookMs) * cameras.length
  const mostMs = longestPaceMs({ onsetS: alarm.onset_s, onsetFrames: alarm.onset_frames })
  const found = `with a face before each camera, each is judged every ${inSeconds(roundMs)} at best`
  return roundMs > mostMs
    ? warn('PL-MODEL-SLOW', what, `${found}; alarm.onset_s and alarm.onset_frames need ${inSeconds(mostMs)}`)
    : ok(what, found)
}

const inSeconds = (ms: number): string => `${(ms / 1000).toPrecision(2)} s`

async function judged(manifest: Manifest, classifier: Classifier, crop: Crop): Promise<CheckResult> {
  const { name, labels, demonstration } = manifest
  const verdict = await judge(classifier, crop)
  const scores = labels.map((label, i) => `${label} ${verdict.probabilities[i]!.toFixed(2)}`).join(', ')
  const about = `${name}, hash and shapes agree with its manifest, outputs read as ${classifier.head}; of a drawn face in pain it says ${scores}`
  return demonstration
    ? warn('PL-MODEL-DEMONSTRATION', 'model', `${about}; for demonstrations only`)
    : ok('model', about)
}

/** What `run` opens for explanations, which with `auto` is both engines, and one explanation. */
async function explained(options: Parameters<typeof startExplaining>[0], crop: Crop): Promise<CheckResult> {
  const what = 'explanations'
  try {
    const stage = await startExplaining(options)
    try {
      const found = await stage.submit({ camera: 'check', track: 0, at: systemClock.now(), crop })
      const { choice } = stage.stats()
      const compared = choice ? `; the other engine differs by ${(100 * choice.difference).toPrecision(1)} %` : ''
      return ok(what, `${found!.composite} by ${found!.engine} took ${Math.round(found!.durationMs)} ms${compared}`)
    } finally {
      await stage.stop()
    }
  } catch (error) {
    return failed(what, error)
  }
}

/** The face models that painlens brings along: there, ONNX, and of this version. */
export async function checkFaceModels({ config }: CheckContext): Promise<CheckResult[]> {
  const what = 'face models'
  const folder = config.model.face_models!
  const files = faceModelFiles(folder)
  for (const file of Object.values(files)) {
    const isThere = await access(file).then(
      () => true,
      () => false
    )
    if (!isThere) return [fail('PL-FACE-MODEL', what, `${folder} has no ${basename(file)}`)]
  }
  try {
    const networks = await FaceNetworks.open(files, { provider: 'cpu', threads: 1 })
    await networks.close()
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    return [fail('PL-FACE-MODEL', what, `${error.where}: ${error.what}`)]
  }
  return [ok(what, folder)]
}

/** A real inference of the classifier on the provider that the config asks for. */
export async function checkProvider({ config }: CheckContext): Promise<CheckResult[]> {
  const manifest = await loadManifest(config.model.manifest)
  const { provider, threads } = config.inference
  const proof = await proveProvider(provider, manifest.file, {
    threads: threads || undefined,
    dims: batchDims(manifest.input, 1)
  })
  const found = `an inference of ${manifest.name} ran on ${proof.provider}`
  if (!proof.fallback) return [ok('provider', found)]
  return [warn('PL-PROVIDER-FALLBACK', 'provider', `${found}, because ${proof.fallback}`, proof.remedy)]
}
