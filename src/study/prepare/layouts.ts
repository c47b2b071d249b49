import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import type { LayoutName } from '../choices.js'
import { decoded, parsed } from '../csv.js'
import { neutral, numberOf } from '../dataset.js'
import type { Clip } from './clips.js'
import { bp4d, disfa, unbc } from './coded-layouts.js'
import type { LayoutContext } from './layout-context.js'

export interface Layout {
  /** Its subjects are called by personal data: they get pseudonyms. */
  personal?: boolean
  clips(context: LayoutContext): Promise<Clip[]>
}

/** How rows are found in each data set. */
export const layouts: Record<LayoutName, Layout> = {
  // The subject's name is the session's date, sex and age.
  biovid: { personal: true, clips: biovid },
  unbc: { clips: unbc },
  bp4d: { clips: bp4d },
  disfa: { clips: disfa },
  rafdb: { clips: rafdb },
  folders: { clips: folders }
}

/** @throws InputError where the root is not of that layout, or cannot be read */
export async function clipsOfLayout(name: LayoutName, context: Omit<LayoutContext, 'files' | 'read'>): Promise<Clip[]> {
  const { root } = context
  const files = await filesBelow(root)
  const clips = await layouts[name].clips({
    ...context,
    files,
    read: async (file) =>
      decoded(
        await readFile(join(root, file)).catch((error: NodeJS.ErrnoException) => {
          throw new InputError('PL-STUDY-LAYOUT', `cannot be read (${error.code})`, printable(join(root, file)))
        })
      )
  })
  if (clips.length === 0) throw new InputError('PL-STUDY-LAYOUT', `nothing in it lies as in ${name}`, printable(root))
  return clips
}

async function filesBelow(root: string): Promise<string[]> {
  const found = await readdir(root, { recursive: true, withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new InputError('PL-STUDY-LAYOUT', `cannot be read (${error.code})`, printable(root), { cause: error })
  })
  return found
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(join(root, '/').length))
    .sort()
}

/** The only file of that name. @throws InputError */
function fileNamed(name: RegExp, { files, root }: LayoutContext): string {
  const found = files.filter((file) => name.test(basename(file)))
  if (found.length === 1) return found[0]!
  const what =
    found.length === 0
      ? `there is no ${name.source} in it`
      : `there are several ${name.source}: ${found.map(printable).join(', ')}`
  throw new InputError('PL-STUDY-LAYOUT', what, printable(root))
}

/** Part A: `samples.csv`, parted by tabs, and `…/SUBJECT/SAMPLE.mp4`; classes 0 (none) to 4 (strongest heat). */
async function biovid(context: LayoutContext): Promise<Clip[]> {
  const { root, files, findings, levels } = context
  const samples = fileNamed(/^samples\.csv$/i, context)
  const videos = new Map(files.map((file) => [basename(file).replace(/\.[^.]*$/, ''), file]))
  videos.delete(basename(samples).replace(/\.[^.]*$/, ''))
  const where = printable(join(root, samples))
  const table = parsed(await context.read(samples), (what) => new InputError('PL-STUDY-LAYOUT', what, where))
  return table.rows.flatMap(({ number, record }) => {
    const row = `row ${number}`
    const { subject_name: subject = '', sample_name: sample = '' } = record
    // An empty cell is no level 0, which is neutral.
    const level = numberOf(record.class_id) ?? Number.NaN
    if (!Number.isInteger(level) || subject === '' || sample === '') {
      findings.problem('subject_name, sample_name or class_id is missing', row)
      return []
    }
    if (level !== 0 && !levels.includes(level)) {
      findings.leave(`heat level ${level}`)
      return []
    }
    const file = join(root, videos.get(sample) ?? join(dirname(samples), 'video', subject, `${sample}.mp4`))
    const label = level === 0 ? neutral : 'pain'
    return [{ ...whole, row, file, subject, label, source: 'biovid', intensity: level }]
  })
}

const whole = { startS: null, endS: null }

const rafdbLabels: Readonly<Record<string, string>> = {
  1: 'surprise',
  2: 'fear',
  3: 'disgust',
  4: 'happiness',
  5: 'sadness',
  6: 'anger',
  7: neutral
}

/** `list_patition_label.txt` with `train_00001.jpg 5`; the original pictures where they are, else the aligned ones. */
async function rafdb(context: LayoutContext): Promise<Clip[]> {
  const { root, files, findings } = context
  const list = fileNamed(/^list_par?tition_label\.txt$/i, context)
  const pictures = new Map<string, string>()
  for (const aligned of [true, false])
    for (const file of files)
      if (/\.(jpe?g|png)$/i.test(file) && /_aligned\.\w+$/i.test(file) === aligned)
        pictures.set(basename(file).replace(/(_aligned)?\.\w+$/i, ''), file)
  const lines = (await context.read(list)).split(/\r?\n/)
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return []
    const [name = '', code = ''] = line.trim().split(/\s+/)
    const label = rafdbLabels[code]
    if (label === undefined) {
      findings.problem('its label is not one of 1 to 7', `row ${i + 1}`)
      return []
    }
    const file = join(root, pictures.get(name.replace(/\.\w+$/, '')) ?? join('Image', 'original', name))
    return [{ ...whole, row: `row ${i + 1}`, file, subject: '', label, source: 'rafdb', intensity: null }]
  })
}

/** Files that lie beside pictures and videos. */
const others = /^thumbs\.db$|\.(txt|csv|tsv|md|json|ya?ml|ini|db|xml|html?|pdf|docx?|xlsx?|srt|vtt)$/i

/** `LABEL/…` or `LABEL/SUBJECT/…`. */
async function folders({ root, files, findings }: LayoutContext): Promise<Clip[]> {
  return files.flatMap((file) => {
    const [label, ...rest] = file.split('/')
    if (rest.length === 0 || others.test(basename(file))) {
      findings.leave('neither picture nor video of a class')
      return []
    }
    const subject = rest.length > 1 ? rest[0]! : ''
    const at = { row: file, file: join(root, file), subject, label: label!.trim().toLowerCase() }
    return [{ ...whole, ...at, source: 'folders', intensity: null }]
  })
}
