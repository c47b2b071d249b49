import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import type { Manifest } from '../../lib/model/manifest.js'
import type { Resting } from '../../lib/statistics/index.js'
import { type Dataset, neutral, readDataset } from '../dataset.js'
import { claimFolder, openly, writeStudyFile } from '../files.js'
import { evaluationOf, type Measure } from './evaluation.js'
import { evaluationText } from './evaluation-file.js'
import { judgeDataset, judgedPrefix, modelFor } from './judge.js'
import type { JudgedData } from './judged.js'
import { readPredictions } from './predictions.js'
import { tablesOf } from './tables.js'
import { textOf } from './text.js'

export interface EvaluateOptions extends Measure {
  /** Whether the outputs on neutral faces are written into the model's manifest; of a model only. */
  writeResting: boolean
  threads: number
}

/** Fewer neutral faces make no resting outputs for a manifest. */
const fewestNeutral = 20

/**
 * Holds what a model says of a data set against its labels.
 * @returns the folder with the results, and a text for people
 * @throws InputError, ModelError, InferenceError, DiskError; the signal's reason
 */
export async function evaluateStudy(
  options: EvaluateOptions,
  write: (line: string) => void,
  signal: AbortSignal
): Promise<{ folder: string; text: string }> {
  const { data, by, threads } = options
  const dataset = await readDataset(data)
  if (options.writeResting) checkNeutral(dataset)
  const [folder, judgeThem] =
    'run' in by
      ? await fromRun(dataset, by.run)
      : await fromModel(dataset, by, { threads, write, signal, needsResting: options.reference !== null })
  const claim = await claimFolder(folder)
  try {
    const judgement = await judgeThem()
    const measured = evaluationOf(judgement, options)
    const { evaluation } = measured
    const text = textOf(evaluation)
    const tables = tablesOf(judgement, measured)
    for (const name of ['alarms.csv', 'reference.csv']) await rm(join(folder, name), { force: true })
    for (const [name, table] of Object.entries(tables)) await writeStudyFile(join(folder, name), [table])
    await writeStudyFile(join(folder, 'evaluation.txt'), [text])
    await writeStudyFile(join(folder, 'evaluation.json'), [evaluationText(evaluation)])
    if (options.writeResting && 'model' in by) await writeRestingInto(by.model, judgement.resting)
    for (const name of await readdir(folder))
      if (name.startsWith(judgedPrefix)) await rm(join(folder, name), { force: true })
    return { folder, text }
  } finally {
    await claim.release()
  }
}

/** @throws InputError */
function checkNeutral({ rows, folder }: Dataset): void {
  const count = rows.filter(({ label }) => label === neutral).length
  if (count >= fewestNeutral) return
  const what = `it has ${count} neutral crops, and outputs at rest need ${fewestNeutral} at least`
  throw new InputError('PL-STUDY-LABELS', what, printable(folder), {
    fix: 'Prepare more neutral faces, or leave --write-resting out.'
  })
}

/** Changes that key alone: comments and all other keys stay as they are. @throws DiskError */
async function writeRestingInto(manifest: string, resting: Resting | null): Promise<void> {
  const document = parseDocument(await readFile(manifest, 'utf8'))
  document.set('resting', document.createNode(resting))
  await writeStudyFile(manifest, [String(document)], openly)
}

/** @throws InputError where there can be no references: told before hours are spent */
function checkReferences({ rows, folder }: Dataset, { resting, path }: Manifest): void {
  if (resting === null) {
    const what = 'it has no resting outputs, against which references are held'
    throw new InputError('PL-REFERENCE-NO-RESTING', what, printable(path), {
      fix: 'Measure them with neutral faces of other people: painlens study evaluate OTHERS --model MODEL.yaml --out DIR --write-resting.'
    })
  }
  const nameless = rows.filter(({ subject }) => subject === '').length
  if (nameless === 0) return
  throw new InputError(
    'PL-STUDY-DATA',
    `${nameless} crops name no subject whose resting face they could be held against`,
    printable(folder),
    {
      fix: 'Prepare the data with subjects, or leave --reference out.'
    }
  )
}

type Source = [folder: string, judge: () => Promise<JudgedData>]

async function fromRun(dataset: Dataset, run: string): Promise<Source> {
  const judgement = await readPredictions(run, dataset)
  return [join(run, 'evaluation'), async () => judgement]
}

async function fromModel(
  dataset: Dataset,
  { model, out }: { model: string; out: string },
  {
    needsResting,
    ...options
  }: { threads: number; write: (line: string) => void; signal: AbortSignal; needsResting: boolean }
): Promise<Source> {
  const manifest = await modelFor(dataset, model)
  if (needsResting) checkReferences(dataset, manifest)
  return [out, () => judgeDataset(dataset, manifest, { ...options, folder: out })]
}
