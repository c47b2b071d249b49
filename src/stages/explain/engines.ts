/** One LRP engine in a worker thread of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inferenceGraceMs, openedOrClosed, WorkerClient } from '../../core/worker-client.js'
import { workerScript } from '../../core/worker-protocol.js'
import type { EngineName } from '../../lib/lrp/index.js'
import type { CropExplanation } from './explain-crop.js'
import type { CropRequest, ExplainMethods, OpenRequest, Trial } from './worker.js'

/** What every engine is opened with. */
export type EngineSetup = Pick<OpenRequest, 'manifest' | 'composite' | 'threads' | 'views' | 'provider'>

export interface OpenEngine {
  kind: EngineName
  /** As it names itself: `onnx-cuda`, `tfjs-wasm (2 threads)`. */
  name: string
  trial: Trial | null
  explain(request: CropRequest): Promise<CropExplanation>
  /** Explains the trial crop; rejects if explaining does not work. */
  probe(): Promise<void>
  close(): Promise<void>
}

export interface Opening {
  /** Closes the engine while it is being opened. */
  signal: AbortSignal
  /** Measure it on the trial crop. */
  trial?: boolean
  /** See first whether the model's file is still the manifest's. */
  verify?: boolean
  /** It died after it had been opened. */
  onCrash?: (error: Error) => void
}

/** ONNX Runtime has to come to the end of its call; wasm may be stopped anywhere. */
const graces: Record<EngineName, number> = { tfjs: 0, onnx: inferenceGraceMs }

/**
 * Whether LRP can explain the model under the composite at all, before any weights are prepared. In a worker, whose
 * memory (the model's size) goes with it.
 * @throws ModelError, UnsupportedModelError, UsageError (unknown composite)
 */
export async function checkModel({ manifest, composite }: EngineSetup, signal?: AbortSignal): Promise<void> {
  const worker = startWorker()
  await openedOrClosed(worker, worker.call('check', { manifest, composite }), { graceMs: 0, signal })
  await worker.close()
}

/**
 * Opens an engine, which takes seconds for a large model, and explains once.
 * @throws PainlensError of what is wrong; the worker is gone then
 */
export async function openEngine(kind: EngineName, setup: EngineSetup, options: Opening): Promise<OpenEngine> {
  const { signal, trial = false, verify = false, onCrash } = options
  let opened = false
  const worker = startWorker((error) => opened && onCrash?.(error))
  const folder = await graphFolder(kind)
  try {
    const request = { ...setup, engine: kind, folder, trial, verify }
    const answer = await openedOrClosed(worker, worker.call('open', request), { graceMs: graces[kind], signal })
    opened = true
    return {
      kind,
      ...answer,
      explain: (crop) => worker.call('explain', crop),
      probe: () => worker.call('probe'),
      close: () => worker.close(graces[kind])
    }
  } finally {
    if (folder) await rm(folder, { recursive: true, force: true })
  }
}

function startWorker(onCrash?: (error: Error) => void): WorkerClient<ExplainMethods> {
  return new WorkerClient(workerScript(import.meta.url, './worker.js'), 'the explain worker', { onCrash })
}

/** For the graph of a large model; owned here, so that it goes even with a worker that was stopped in the middle of writing. */
function graphFolder(kind: EngineName): Promise<string | undefined> {
  if (kind !== 'onnx') return Promise.resolve(undefined)
  // Small models do without, and the engine says what is wrong where one is needed.
  return mkdtemp(join(tmpdir(), 'painlens-graph-')).catch(() => undefined)
}
