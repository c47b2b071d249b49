import { access } from 'node:fs/promises'
import { basename } from 'node:path'
import type * as ort from 'onnxruntime-node'
import { ModelError } from '../../core/errors.js'
import { faceModelFiles } from '../../lib/face/model-files.js'
import { FaceNetworks } from '../../lib/face/networks.js'
import { checkShapes, loadManifest } from '../../lib/model/manifest.js'
import { openSession, proveProvider } from '../../lib/ort/provider.js'
import { type CheckContext, type CheckResult, fail, ok, warn } from './result.js'

/** The manifest, the file's hash, and that labels and input are the model's. */
export async function checkModel({ config }: CheckContext): Promise<CheckResult[]> {
  const manifest = await loadManifest(config.model.manifest)
  const session = await openSession(manifest.file, { provider: 'cpu', threads: 1 })
  try {
    checkShapes(manifest, dimsOf(session.inputMetadata[0]), dimsOf(session.outputMetadata[0]))
  } finally {
    await session.release()
  }
  const about = `${manifest.name} (${manifest.labels.join(', ')}), hash and shapes agree with its manifest`
  return [
    manifest.demonstration
      ? warn('PL-MODEL-DEMONSTRATION', 'model', `${about}; for demonstrations only`)
      : ok('model', about)
  ]
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
  const proof = await proveProvider(provider, manifest.file, threads || undefined)
  const found = `an inference of ${manifest.name} ran on ${proof.provider}`
  if (!proof.fallback) return [ok('provider', found)]
  return [warn('PL-PROVIDER-FALLBACK', 'provider', `${found}, because ${proof.fallback}`, proof.remedy)]
}

function dimsOf(meta: ort.InferenceSession.ValueMetadata | undefined): (number | null)[] {
  return meta?.isTensor ? meta.shape.map((dim) => (typeof dim === 'number' ? dim : null)) : []
}
