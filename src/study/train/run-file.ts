/** `run.yaml`: what a folder's run was begun with. */
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { z } from 'zod'
import { InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { version } from '../../core/version.js'
import { isThere, writeStudyFile } from '../files.js'
import { yamlIn } from '../yaml-file.js'

/** What a run depends on: options by name, and what its files are. */
export interface RunSaid extends Record<string, unknown> {
  /** Where the data set lies. */
  data: string
  /** Of the data set. */
  digest: string
}

const fileOf = (folder: string): string => join(folder, 'run.yaml')

/** How an error calls what is not the same. */
const calls: Readonly<Record<string, string>> = {
  digest: 'data set (it was made again, or changed)',
  baseInput: 'input of the base (size, colours, mean or scale)',
  baseOutput: 'output of the base'
}

/**
 * Whether a folder's run is to be begun, or goes on; `moved` where it goes on with the same data in another place. A folder belongs to one set of
 * options: results of two would be mixed up.
 * @throws InputError where it holds another run
 */
export async function runIn(folder: string, said: RunSaid): Promise<'new' | 'moved' | 'same'> {
  const file = fileOf(folder)
  if (!(await isThere(file))) return 'new'
  const found = await yamlIn(
    file,
    z.record(z.string(), z.unknown()),
    (what) => new InputError('PL-STUDY-FOLDER', what, printable(file), { fix: 'Give another --out.' })
  )
  const wanted = parse(stringify(said)) as RunSaid
  // Runs of earlier versions do not say what their data were, what their base takes and gives, nor how features are kept.
  const { digest, baseInput, baseOutput } = wanted
  const before: Record<string, unknown> = { digest, baseInput, baseOutput, cache: 'float32', ...found }
  const changed = Object.keys(wanted).filter((key) => JSON.stringify(before[key]) !== JSON.stringify(wanted[key]))
  if (changed.length === 0) return 'same'
  // By the digest these are the same data: a folder that was moved, or is written in another way (DATA/).
  if (changed.join() === 'data' && found.digest !== undefined) return 'moved'
  const what = `it holds a run with another ${changed.map((key) => calls[key] ?? key).join(', ')}`
  throw new InputError('PL-STUDY-FOLDER', what, printable(folder))
}

/** @throws DiskError */
export async function writeRunFile(folder: string, said: RunSaid): Promise<void> {
  await writeStudyFile(fileOf(folder), [stringify({ painlens: version, ...said })])
}
