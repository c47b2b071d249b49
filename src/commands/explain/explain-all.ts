import { join } from 'node:path'
import { DiskError, InputError, printed } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import type { Crop } from '../../core/types.js'
import type { PictureFile } from '../../lib/picture/find-pictures.js'
import { defaultViews, explainCrop } from '../../stages/explain/index.js'
import type { ModelSource } from '../../stages/explain/source.js'
import { titleOf } from './composites.js'
import { unusableTexts } from './faces.js'
import { type FigureRow, writeFigure } from './figure.js'
import { CropStore, type Job, openExplainer, type RememberedFace, trueLabelOf } from './job.js'
import { progressBar } from './output.js'
import { ResultFolder } from './result-folder.js'
import { filesOf } from './result-names.js'
import { predictedOf, type Result, saveResult } from './results.js'
import { Tally } from './tally.js'

/** A face to be explained under each composite. */
interface Subject {
  picture: PictureFile
  /** The common prefix of its results' names. */
  stem: string
  trueLabel: string | null
  face: RememberedFace
  /** The text above its row in the figure. */
  head: string
  /** The composites under which it is explained. */
  done: string[]
}

/** A picture, with its faces once they are found. */
interface Entry {
  picture: PictureFile
  subjects: Subject[]
  /** Whether it failed, which has been reported and counted. */
  failed: boolean
}

/**
 * Explains the pictures composite by composite, so that one explainer is open at a time and little of each picture is held
 * in memory; several composites are drawn into the figure. Pictures that cannot be read or show no face are reported and
 * skipped.
 * @returns 0, or 1 if a picture failed or the command was stopped
 */
export async function explainAll(job: Job): Promise<number> {
  const { pictures, passedOver, manifest, composites, out, output, signal } = job
  if (signal.aborted) return stopped(job, 0, 0)
  const entries = pictures.map((picture): Entry => ({ picture, subjects: [], failed: false }))
  const results = await ResultFolder.open(out, composites, signal)
  if (results.unreadable.length > 0) output.complain(`painlens: ${unreadableText(results.unreadable)}\n`)
  const tally = new Tally(passedOver, 'explained')
  let reached = { at: 0, done: 0 }
  for (const [i, composite] of composites.entries()) {
    if (signal.aborted) break
    if (composites.length > 1) output.write(`${composite} (${i + 1} of ${composites.length}):\n`)
    output.progress(`${composite}  opening ${manifest.name} …`)
    const explainer = await openExplainer(job, composite)
    const own = { job, composite, explainer, first: i === 0, store: new CropStore(out), results, tally }
    try {
      reached = { at: i, done: await pass(own, entries) }
    } finally {
      await explainer.close()
      output.progress(null)
      await removeUnexplained(own, entries)
    }
  }
  if (signal.aborted) return stopped(job, reached.at, reached.done)
  if (composites.length > 1) await drawFigure(job, entries, results)
  for (const { failed } of entries) if (!failed) tally.done()
  output.write(`${tally.line}; the results are in ${printable(out)}\n`)
  if (results.left > 0) output.write(`Left there of earlier runs, about other pictures: ${results.left}.\n`)
  return tally.exitCode
}

/** What cannot be read is left; it might be about a picture of this run. */
export function unreadableText([first, ...more]: readonly InputError[]): string {
  const others = more.length === 0 ? '' : `, nor may ${more.length} more there`
  return `${first!.where}: ${first!.what}${others}. What an earlier run has left in it stays beside the new results.`
}

/** @param at the composite whose turn it was, from 0 on; @param done pictures that were explained under it */
function stopped({ pictures, composites, output }: Job, at: number, done: number): number {
  const several = composites.length > 1 ? ` under ${composites[at]} (${at + 1} of ${composites.length})` : ''
  output.complain(`painlens: stopped after ${done} of ${pictures.length} pictures${several}.\n`)
  return 1
}

/** All pictures under one composite. */
interface Pass {
  job: Job
  composite: string
  explainer: ModelSource
  /** Whether the faces have to be found yet. */
  first: boolean
  store: CropStore
  results: ResultFolder
  tally: Tally
}

/** @returns how many pictures were explained, fewer than there are if the command was stopped */
async function pass(own: Pass, entries: readonly Entry[]): Promise<number> {
  const { job, composite, first } = own
  const { output, signal } = job
  const startedAt = performance.now()
  let done = 0
  for (const [i, entry] of entries.entries()) {
    output.progress(progressBar(composite, i, entries.length, performance.now() - startedAt))
    if (signal.aborted) break
    if (!first && entry.subjects.length === 0) continue
    try {
      for await (const said of first ? takeEntry(own, entry) : againEntry(own, entry))
        output.write(`${i + 1}/${entries.length} ${printable(entry.picture.path)}${said}\n`)
      done++
    } catch (error) {
      if (signal.aborted) break
      fail(own, entry, error)
    }
  }
  return done
}

/** Reports a failure, and counts its picture once. @throws errors that end the whole command, such as a full disk */
function fail({ job, tally }: Pass, entry: Entry, error: unknown): void {
  if (error instanceof DiskError && error.code !== 'PL-OUT-NAME') throw error
  // A fault of a model does not know which picture it was at.
  const at = error instanceof InputError || error instanceof DiskError ? '' : `${printable(entry.picture.path)}: `
  job.output.complain(`painlens: ${at}${printed(error)}\n`)
  if (!entry.failed) tally.failed(error)
  entry.failed = true
}

/** Finds the picture's faces and explains each. Removes the results of an earlier run first, even if this one fails. */
async function* takeEntry(own: Pass, entry: Entry): AsyncGenerator<string> {
  const { job, results, store } = own
  const { manifest, signal, composites } = job
  const { picture } = entry
  const taken = await job.faces.take(picture.path, signal).catch(async (error: unknown) => {
    if (error instanceof InputError && !signal.aborted) await results.replace(picture)
    throw error
  })
  signal.throwIfAborted()
  await results.replace(picture)
  const trueLabel = trueLabelOf(picture, manifest)
  for (const { crop, ...found } of taken) {
    const stem = results.claim(picture, taken.length > 1 ? found.number : null)
    const face = { ...found, landmarks: crop.landmarks }
    const subject: Subject = { picture, stem, trueLabel, face, head: '', done: [] }
    entry.subjects.push(subject)
    if (composites.length > 1) await store.put(stem, crop).catch(tooLong)
    yield await explainSubject(own, subject, crop, taken.length)
  }
}

/** Explains the picture's stored faces under another composite. */
async function* againEntry(own: Pass, { subjects }: Entry): AsyncGenerator<string> {
  const { job, store } = own
  for (const subject of subjects) {
    const crop = await store.get(subject.stem, subject.face, job.manifest, job.signal)
    yield await explainSubject(own, subject, crop, subjects.length)
  }
}

/** @returns the line to print. @throws the signal's reason if the command was stopped; then no file is written */
async function explainSubject(own: Pass, subject: Subject, crop: Crop, taken: number): Promise<string> {
  const { job, composite, explainer, results } = own
  const { manifest, target, out, signal } = job
  const startedAt = performance.now()
  const explained = await explainCrop({ source: explainer, manifest, views: defaultViews }, crop, target)
  signal.throwIfAborted()
  const durationMs = performance.now() - startedAt
  const { engine } = explainer
  const result = { ...subject, manifest, crop, composite, engine, explained, durationMs }
  await saveResult(out, result, { naming: results.naming, again: subject.done.length > 0 }).catch(tooLong)
  subject.head = headOf(result)
  subject.done.push(composite)
  return saidOf(result, taken)
}

/** `: pain 0.81 (true: pain; the largest of 3 faces, …). The mouth …`, or `, face 2 of 3: …` where several are explained. */
function saidOf({ face, trueLabel, explained }: Result, taken: number): string {
  const notes = [...(trueLabel === null ? [] : [`true: ${trueLabel}`]), ...framesOf(face), ...othersOf(face, taken)]
  const note = notes.length > 0 ? ` (${notes.join('; ')})` : ''
  const which = taken > 1 ? `, face ${face.number} of ${face.faces}` : ''
  return `${which}: ${explained.target}${scoresOf(explained)}${note}. ${explained.text.en}`
}

/** What is said of an animated picture's other frames. */
const framesOf = ({ frames }: Result['face']): string[] =>
  frames > 1 ? [`frame 1 of ${frames}; the others are not looked at`] : []

/** What is said of the faces that are not explained: a nurse's score must not be read as that of the resident before her. */
function othersOf({ faces, usable, number, instead }: Result['face'], taken: number): string[] {
  const unusable = faces - usable
  if (taken > 1) return unusable > 0 ? [`${unusable} of the ${faces} cannot be judged`] : []
  if (instead !== null)
    return [`not the largest of ${faces} faces but number ${number} by size: of the largest, ${unusableTexts[instead]}`]
  if (faces === 1) return []
  const others = usable - 1
  return others > 0
    ? [
        `the largest of ${faces} faces; --faces all explains ${unusable > 0 ? `${others} more` : othersText(others)} too`
      ]
    : [`the largest of ${faces} faces; no other can be judged`]
}

const othersText = (others: number): string => `the other${others > 1 ? ` ${others}` : ''}`

/** ` 0.81`; of a contrast nothing, since it has no probability. */
function scoresOf({ weights, probability }: Result['explained']): string {
  return Object.keys(weights).length > 1 ? '' : ` ${probability.toFixed(2)}`
}

/** A name too long for the file system fails this picture only, unlike other disk errors. */
function tooLong(error: unknown): never {
  if (error instanceof DiskError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENAMETOOLONG')
    throw new DiskError('PL-OUT-NAME', 'is a longer name than the file system takes', printable(error.where), {
      cause: error
    })
  throw error
}

/** Removes the files of a face whose explanation failed or was stopped; it is not retried. */
async function removeUnexplained({ results }: Pass, entries: readonly Entry[]): Promise<void> {
  for (const entry of entries) {
    for (const { stem, done } of entry.subjects) if (done.length === 0) await results.discard(stem)
    entry.subjects = entry.subjects.filter(({ done }) => done.length > 0)
  }
}

/** `true: pain · predicted: disgust 0.62 · explained: pain`, without unknown and redundant parts. */
function headOf({ trueLabel, explained, manifest }: Result): string {
  const predicted = predictedOf(explained, manifest)
  return [
    ...(trueLabel === null ? [] : [`true: ${trueLabel}`]),
    `predicted: ${predicted.label} ${predicted.probability.toFixed(2)}`,
    ...(explained.target === predicted.label ? [] : [`explained: ${explained.target}`])
  ].join(' · ')
}

/** Pages of an earlier run's figure are replaced as a whole. */
async function drawFigure(job: Job, entries: readonly Entry[], results: ResultFolder): Promise<void> {
  const { composites, out, output, signal } = job
  const store = new CropStore(out)
  const rows = entries
    .flatMap(({ subjects }) => subjects)
    .map(
      ({ stem, head, done }): FigureRow => ({
        head,
        name: stem,
        crop: store.fileOf(stem),
        relevance: composites.map((composite) =>
          done.includes(composite) ? join(out, filesOf(stem, composite, 'several').relevance) : null
        )
      })
    )
  const pages = await writeFigure({ rows, columns: composites.map(titleOf), out, signal })
  if (!signal.aborted) await results.keepPages(pages)
  if (pages.length > 0) output.write(`The figure: ${pages.join(', ')}\n`)
}
