import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Hands over a folder in which the onnx engine may write a large model's graph while it opens it, and removes it afterwards. For the thread
 * that owns the worker: the worker may be ended while it writes. Small models need none, so where none can be made the
 * engine of a large one reports it.
 */
export async function withGraphFolder<R>(open: (folder: string | undefined) => Promise<R>): Promise<R> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-graph-')).catch(() => undefined)
  try {
    return await open(folder)
  } finally {
    if (folder) await rm(folder, { recursive: true, force: true })
  }
}
