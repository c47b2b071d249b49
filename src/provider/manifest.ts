/** The `manifest.json` of a provider archive (made by deploy/jetson/onnxruntime/build.sh). */
import { z } from 'zod'
import { InputError } from '../core/errors.js'
import { readShape } from '../core/shapes.js'
import { type ProviderName, providerNames } from '../lib/ort/provider-names.js'

export const manifestName = 'manifest.json'

/** Flat names only, so that an archive cannot write to another folder. */
const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*$/)
const version = z.string().regex(/^\d+\.\d+(\.\d+)*$/)

const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .meta({ allowed: '64 hexadecimal digits' })

const schema = z.strictObject({
  format: z.literal(1),
  /** ONNX Runtime's version; has to equal onnxruntime-node's. */
  onnxruntime: version,
  napi: z.int().min(1),
  /** Values of `process.platform` and `process.arch`. */
  platform: z.string(),
  arch: z.string(),
  providers: z.array(z.enum(providerNames)).min(1),
  /** The versions that the files were built for; null for files that do not need them. */
  cuda: version.nullable(),
  cuda_architectures: z.array(z.string()),
  cudnn: version.nullable(),
  tensorrt: version.nullable(),
  jetpack: z.string().nullable(),
  built: z.iso.datetime(),
  files: z.record(fileName, z.strictObject({ size: z.int().min(1), sha256 }))
})
export type ArchiveManifest = z.infer<typeof schema>

const markerSchema = schema.extend({ installed: z.iso.datetime() })
/** The part of a manifest kept beside the installed files. */
export type Marker = z.infer<typeof markerSchema>

/** The files that onnxruntime-node needs. */
const vital = ['onnxruntime_binding.node', 'libonnxruntime.so.1']

const librariesOf: Record<ProviderName, readonly string[]> = {
  cpu: [],
  cuda: ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'],
  tensorrt: ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_tensorrt.so']
}

/** Files for the system's loader, as opposed to licences. */
export const isLibrary = (name: string): boolean => /\.node$|\.so(\.\d+)*$/.test(name)

/**
 * @param archive its archive, for the error
 * @throws InputError if it is not such a manifest, or names providers without their libraries
 */
export function parseArchiveManifest(text: string, archive: string): ArchiveManifest {
  const read = readShape(schema, jsonOf(text))
  if ('problem' in read) {
    const what = `its ${manifestName} is not one that this painlens knows (${read.problem})`
    throw new InputError('PL-INSTALL-MANIFEST', what, archive)
  }
  const manifest = read.value
  const needed = [...vital, ...manifest.providers.flatMap((provider) => librariesOf[provider])]
  const missing = needed.filter((name) => !(name in manifest.files))
  if (missing.length > 0)
    throw new InputError(
      'PL-INSTALL-INCOMPLETE',
      `it has no ${missing.join(', no ')}, which ${manifest.providers.join(' and ')} needs`,
      archive
    )
  return manifest
}

/** @returns null for an invalid marker */
export function parseMarker(text: string): Marker | null {
  return markerSchema.safeParse(jsonOf(text)).data ?? null
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** `cuda, cpu; ONNX Runtime 1.29.0 for linux arm64, CUDA 12.6, cuDNN 9.3.0, JetPack 6.2` */
export function describeBuild(manifest: ArchiveManifest): string {
  const { providers, onnxruntime, platform, arch, cuda, cudnn, tensorrt, jetpack } = manifest
  const parts = [
    `ONNX Runtime ${onnxruntime} for ${platform} ${arch}`,
    cuda && `CUDA ${cuda}`,
    cudnn && `cuDNN ${cudnn}`,
    tensorrt && `TensorRT ${tensorrt}`,
    jetpack && `JetPack ${jetpack}`
  ]
  return `${providers.join(', ')}; ${parts.filter(Boolean).join(', ')}`
}
