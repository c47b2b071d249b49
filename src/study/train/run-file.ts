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
  /** Of the data set. */
  digest: string
}

const fileOf = (folder: string): string => join(folder, 'run.yaml')

/** How an error calls what is not the same. */
const called = (key: string): string => (key === 'digest' ? 'data set (it was made again, or changed)' : key)

/**
 * Whether a folder's run is to be begun, or goes on. A folder belongs to one set of options: results of two would be mixed up.
 * @throws InputError where it holds another run
 */
export async function isNewRun(folder: string, said: RunSaid): Promise<boolean> {
  const file = fileOf(folder)
  if (!(await isThere(file))) return true
  const found = await yamlIn(
    file,
    z.record(z.string(), z.unknown()),
    (what) => new InputError('PL-STUDY-FOLDER', what, printable(file), { fix: 'Give another --out.' })
  )
  const wanted = parse(stringify(said)) as RunSaid
  // Runs of earlier versions do not say what their data were, nor how features are kept.
  const before: Record<string, unknown> = { digest: wanted.digest, cache: 'float32', ...found }
  const changed = Object.keys(wanted).filter((key) => JSON.stringify(before[key]) !== JSON.stringify(wanted[key]))
  if (changed.length === 0) return false
  const what = `it holds a run with another ${changed.map(called).join(', ')}`
  throw new InputError('PL-STUDY-FOLDER', what, printable(folder))
}

/** @throws DiskError */
export async function writeRunFile(folder: string, said: RunSaid): Promise<void> {
  await writeStudyFile(fileOf(folder), [stringify({ painlens: version, ...said })])
}
