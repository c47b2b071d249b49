import '../../core/full-precision.js'
import '../../core/no-telemetry.js'
import { cpus } from 'node:os'
import * as ort from 'onnxruntime-node'
import { ModelError, messageOf } from '../../core/errors.js'
import type { ProviderName } from './provider-names.js'

export interface SessionOptions {
  provider: ProviderName
  /** Threads within an operator; 0 or absent: one for each core. */
  threads?: number
  /**
   * For a large model in a file: its weights are used from where they are mapped, without a second copy in a layout of
   * the runtime's own, and the run's memory is not planned as one block, which is larger than what is needed at any moment
   * (90 MB for VGG-Face's LRP graph).
   */
  mapped?: boolean
  /** Where to write a profile (see `ort.InferenceSession.SessionOptions.profileFilePrefix`); none when absent. */
  profileFilePrefix?: string
}

// ONNX Runtime writes to stderr by itself; what it has to say comes back as errors, which painlens words for the user.
ort.env.logLevel = 'fatal'

/**
 * Opens an ONNX model for inference. The session's `run` blocks the calling thread, so this belongs into a worker.
 * @param model a file (external data is found beside it) or the bytes of a model
 * @throws ModelError when the file is missing, truncated or no ONNX, or the provider cannot load it
 */
export async function openSession(model: string | Uint8Array, options: SessionOptions): Promise<ort.InferenceSession> {
  const settings = settingsOf(options)
  try {
    return typeof model === 'string'
      ? await ort.InferenceSession.create(model, settings)
      : await ort.InferenceSession.create(model, settings)
  } catch (error) {
    const where = typeof model === 'string' ? model : 'a model in memory'
    throw new ModelError(
      'PL-MODEL-UNOPENABLE',
      `cannot be opened as an ONNX model by the ${options.provider} provider (${firstSentence(error)})`,
      where,
      { cause: error }
    )
  }
}

function settingsOf(options: SessionOptions): ort.InferenceSession.SessionOptions {
  const { provider, threads, mapped, profileFilePrefix } = options
  return {
    executionProviders: [provider],
    intraOpNumThreads: threads || cpus().length,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    // Idle worker threads that spin would take the cores from the decoders.
    extra: { session: { intra_op: { allow_spinning: '0' }, ...(mapped && { disable_prepacking: '1' }) } },
    ...(mapped && { enableMemPattern: false }),
    ...(profileFilePrefix && { enableProfiling: true, profileFilePrefix })
  }
}

function firstSentence(error: unknown): string {
  return messageOf(error).split('\n')[0]!.slice(0, 200)
}
