import { open } from 'node:fs/promises'
import { z } from 'zod'
import { InferenceError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { writeStudyFile } from '../files.js'

/** What one epoch came to. */
export interface EpochRow {
  epoch: number
  rate: number
  loss: number
  /** Of the subjects held out; null where there are none. */
  heldOutLoss: number | null
  heldOutAccuracy: number | null
  seconds: number
}

/** How far a fit has come. */
export interface FitProgress {
  /** Epochs that are done. */
  epochs: number
  steps: number
  history: EpochRow[]
  /** The epoch after which the weights were best, from 1. */
  best: number
}

const epochSchema = z.object({
  epoch: z.number(),
  rate: z.number(),
  loss: z.number(),
  heldOutLoss: z.number().nullable(),
  heldOutAccuracy: z.number().nullable(),
  seconds: z.number()
})
const headerSchema = z.object({
  progress: z.object({ epochs: z.int(), steps: z.int(), history: z.array(epochSchema), best: z.int() }),
  /** The options that the fit was begun with. */
  key: z.string(),
  arrays: z.array(z.object({ name: z.string(), length: z.int().nonnegative() }))
})

export interface Checkpoint {
  progress: FitProgress
  arrays: Map<string, Float32Array>
}

/** A line of JSON, then the arrays' own bytes. @throws DiskError */
export async function writeCheckpoint(
  file: string,
  key: string,
  progress: FitProgress,
  arrays: ReadonlyMap<string, Float32Array>
): Promise<void> {
  const header = { progress, key, arrays: [...arrays].map(([name, { length }]) => ({ name, length })) }
  const pieces = [...arrays.values()].map((a) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength))
  await writeStudyFile(file, [`${JSON.stringify(header)}\n`, ...pieces])
}

/**
 * @param key the options of this run
 * @returns null where there is no such file
 * @throws InferenceError where it was begun with other options, or is damaged
 */
export async function readCheckpoint(file: string, key: string): Promise<Checkpoint | null> {
  const handle = await open(file, 'r').catch(() => null)
  if (!handle) return null
  try {
    const head = Buffer.alloc(2 ** 20)
    const { bytesRead } = await handle.read(head, 0, head.length, 0)
    const end = head.subarray(0, bytesRead).indexOf('\n')
    const header = end < 0 ? null : headerSchema.safeParse(JSON.parse(head.toString('utf8', 0, end)))
    if (!header?.success) throw refused('is damaged', file)
    if (header.data.key !== key) throw refused('is of a run with other options', file)
    const { arrays: told } = header.data
    // Before memory is taken by what a damaged header says.
    const bytesTold = told.reduce((sum, { length }) => sum + length * Float32Array.BYTES_PER_ELEMENT, 0)
    if ((await handle.stat()).size !== end + 1 + bytesTold) throw refused('is cut short or damaged', file)
    const arrays = new Map<string, Float32Array>()
    let at = end + 1
    for (const { name, length } of told) {
      const array = new Float32Array(length)
      const bytes = new Uint8Array(array.buffer)
      for (let done = 0; done < bytes.length; ) {
        const piece = await handle.read(bytes, done, Math.min(2 ** 30, bytes.length - done), at + done)
        if (piece.bytesRead === 0) throw refused('is cut short', file)
        done += piece.bytesRead
      }
      at += bytes.length
      arrays.set(name, array)
    }
    return { progress: header.data.progress, arrays }
  } catch (error) {
    if (error instanceof SyntaxError) throw refused('is damaged', file)
    throw error
  } finally {
    await handle.close()
  }
}

function refused(what: string, file: string): InferenceError {
  return new InferenceError('PL-TRAIN-CHECKPOINT', what, printable(file), {
    fix: 'Train into another folder, or with the options that the run was begun with.'
  })
}
