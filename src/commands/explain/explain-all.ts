import { join } from 'node:path'
import { DiskError, printed } from '../../core/errors.js'
import type { Crop } from '../../core/types.js'
import type { Explainer } from '../../lib/lrp/index.js'
import { defaultViews, explainCrop } from '../../stages/explain/index.js'
import { titleOf } from './composites.js'
import { type FigureRow, writeFigure } from './figure.js'
import { CropStore, type Job, openExplainer, type RememberedFace, trueLabelOf } from './job.js'
import { progressLine } from './output.js'
import type { PictureFile } from './pictures.js'
import { filesOf, type Naming, predictedOf, type Result, saveResult } from './results.js'

/** A picture on its way through the composites. */
interface Subject {
  picture: PictureFile
  trueLabel: string | null
  /** Null before the first composite, and where none was found. */
  face: RememberedFace | null
  /** What the figure says above its row. */
  head: string
  /** The composites under which it is explained. */
  done: string[]
}

/**
 * Explains the pictures composite by composite, so that one explainer is open at a time and nothing but a few words for
 * each picture is held in memory; several composites end in the figure. A picture that cannot be read or shows no face
 * is named, and the rest goes on.
 * @returns 0, or 1 if a picture failed or the command was stopped
 */
export async function explainAll(job: Job): Promise<number> {
  const { pictures, manifest, composites, out, output, signal } = job
  const subjects = pictures.map(
    (picture): Subject => ({ picture, trueLabel: trueLabelOf(picture, manifest), face: null, head: '', done: [] })
  )
  let done = 0
  for (const [i, composite] of composites.entries()) {
    if (signal.aborted) return stopped(job, done)
    if (composites.length > 1) output.write(`${composite} (${i + 1} of ${composites.length}):\n`)
    output.progress(`${composite}  opening ${manifest.name} …`)
    const explainer = await openExplainer(job, composite)
    try {
      done = await pass({ job, composite, explainer, first: i === 0, store: new CropStore(out) }, subjects)
    } finally {
      await explainer.close()
      output.progress(null)
    }
  }
  if (signal.aborted) return stopped(job, done)
  if (composites.length > 1) await drawFigure(job, subjects)
  const whole = subjects.filter((subject) => subject.done.length === composites.length).length
  output.write(`${whole} of ${pictures.length} explained; the results are in ${out}\n`)
  return whole === pictures.length ? 0 : 1
}

function stopped({ pictures, output }: Job, done: number): number {
  output.complain(`painlens: stopped after ${done} of ${pictures.length} pictures.\n`)
  return 1
}

/** All pictures under one composite. */
interface Pass {
  job: Job
  composite: string
  explainer: Explainer
  /** Whether the faces have to be found yet. */
  first: boolean
  store: CropStore
}

/** @returns how many pictures were explained, fewer than there are if the command was stopped */
async function pass(own: Pass, subjects: readonly Subject[]): Promise<number> {
  const { job, composite, first } = own
  const { output, signal } = job
  const startedAt = performance.now()
  let done = 0
  for (const [i, subject] of subjects.entries()) {
    output.progress(progressLine(composite, i, subjects.length, performance.now() - startedAt))
    if (signal.aborted) break
    if (!first && !subject.face) continue
    try {
      const said = await explainSubject(own, subject)
      if (said === null) break
      output.write(`${i + 1}/${subjects.length} ${subject.picture.path}: ${said}\n`)
      done++
    } catch (error) {
      if (error instanceof DiskError) throw error
      output.complain(`painlens: ${printed(error)}\n`)
    }
  }
  return done
}

/** @returns what to tell of it, or null if the command was stopped meanwhile, when nothing is written */
async function explainSubject(own: Pass, subject: Subject): Promise<string | null> {
  const { job, composite, explainer } = own
  const { manifest, target, out, signal } = job
  const crop = await cropOf(own, subject)
  const startedAt = performance.now()
  const explained = await explainCrop({ source: explainer, manifest, views: defaultViews }, crop, target)
  if (signal.aborted) return null
  const durationMs = performance.now() - startedAt
  const face = subject.face!
  const { engine } = explainer
  const result = { ...subject, face, manifest, crop, composite, engine, explained, durationMs }
  await saveResult(out, result, { naming: namingOf(job), again: subject.done.length > 0 })
  subject.head = headOf(result)
  subject.done.push(composite)
  const notes = [
    ...(subject.trueLabel === null ? [] : [`true: ${subject.trueLabel}`]),
    ...(face.faces > 1 ? [`the largest of ${face.faces} faces`] : [])
  ]
  const note = notes.length > 0 ? ` (${notes.join('; ')})` : ''
  return `${explained.target} ${explained.probability.toFixed(2)}${note}. ${explained.text.en}`
}

const namingOf = ({ composites }: Job): Naming => (composites.length > 1 ? 'several' : 'one')

/** The subject's crop: taken from its picture the first time, as it was kept later. */
async function cropOf({ job, first, store }: Pass, subject: Subject): Promise<Crop> {
  const { picture, face } = subject
  if (!first) return store.get(picture, face!, job.manifest)
  const { crop, ...found } = await job.faces.take(picture.path)
  subject.face = { ...found, landmarks: crop.landmarks }
  if (job.composites.length > 1) await store.put(picture, crop)
  return crop
}

/** `true: pain · predicted: disgust 0.62 · explained: pain`, without what is not known or goes without saying. */
function headOf({ trueLabel, explained, manifest }: Result): string {
  const predicted = predictedOf(explained, manifest)
  return [
    ...(trueLabel === null ? [] : [`true: ${trueLabel}`]),
    `predicted: ${predicted.label} ${predicted.probability.toFixed(2)}`,
    ...(explained.target === predicted.label ? [] : [`explained: ${explained.target}`])
  ].join(' · ')
}

async function drawFigure(job: Job, subjects: readonly Subject[]): Promise<void> {
  const { composites, out, output, signal } = job
  const store = new CropStore(out)
  const rows = subjects
    .filter(({ head }) => head !== '')
    .map(
      ({ picture, head, done }): FigureRow => ({
        head,
        name: picture.stem,
        crop: store.fileOf(picture),
        relevance: composites.map((composite) =>
          done.includes(composite) ? join(out, filesOf(picture, composite, 'several').relevance) : null
        )
      })
    )
  const pages = await writeFigure({ rows, columns: composites.map(titleOf), out, signal })
  if (pages.length > 0) output.write(`The figure: ${pages.join(', ')}\n`)
}
