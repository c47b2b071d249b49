/** Layouts whose frames were coded by action units. */
import { basename, dirname, join } from 'node:path'
import { InputError, UsageError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { neutral } from '../dataset.js'
import { unitColumn } from '../unit-columns.js'
import type { Clip } from './clips.js'
import type { LayoutContext } from './layout-context.js'
import { holds, type UnitRule } from './rules.js'
import { codedOnce, codesOf, type FacsCoding, type UnitCodes, UnitTrack } from './unit-codes.js'

/** How many pictures of a sequence stand for a second. */
const picturesPerSecond = 25
/** Files of labels that are read at a time. */
const readAtOnce = 32

const isPicture = (file: string): boolean => /\.(jpe?g|png|bmp|tiff?)$/i.test(file)

/** Of the pictures of a sequence, by number: as many as `everyS` asks for. */
function isTaken(number: number, everyS: number): boolean {
  const step = Math.max(1, Math.round(everyS * picturesPerSecond))
  return number % step === 0
}

/** `ll042t1aaaff001_facs.txt` is number 1. */
const numberOf = (file: string): number =>
  Number.parseInt(
    basename(file)
      .split('.')[0]!
      .replace(/_facs$/i, '')
      .split(/\D/)
      .at(-1)!,
    10
  )

const frame = { startS: null, endS: null }

/**
 * UNBC-McMaster: `Frame_Labels/PSPI/SUBJECT/SEQUENCE/NAME_facs.txt` with one number, Prkachin and Solomon's pain intensity;
 * `Frame_Labels/FACS/…` of the same name with the action units; `Images/SUBJECT/SEQUENCE/NAME.png`, the copies of which nest
 * `Images/Images`.
 */
export async function unbc(context: LayoutContext): Promise<Clip[]> {
  const { root, files, everyS } = context
  const pictures = new Map(files.filter(isPicture).map((file) => [basename(file).replace(/\.\w+$/, ''), file]))
  const labels = files.filter(
    (file) => file.split('/').includes('PSPI') && /_facs\.txt$/i.test(file) && isTaken(numberOf(file), everyS)
  )
  const facs = new Map(
    files.filter((file) => file.split('/').includes('FACS')).map((file) => [basename(file).toLowerCase(), file])
  )
  const clips: Clip[] = []
  const codings: (FacsCoding | undefined)[] = []
  for (let from = 0; from < labels.length; from += readAtOnce) {
    const part = labels.slice(from, from + readAtOnce)
    const texts = await Promise.all(part.map((file) => context.read(file)))
    const codes = await Promise.all(part.map((file) => unbcCoding(facs.get(basename(file).toLowerCase()), context)))
    for (const [i, row] of part.entries()) {
      const intensity = texts[i]!.trim() === '' ? Number.NaN : Number(texts[i])
      const picture = pictures.get(basename(row).replace(/_facs\.txt$/i, ''))
      if (!isCoded(row, intensity, picture, context)) continue
      const label = intensity === 0 ? neutral : 'pain'
      const subject = basename(dirname(dirname(row)))
      clips.push({ ...frame, row, file: join(root, picture!), subject, label, source: 'unbc', intensity })
      codings.push(codes[i])
    }
  }
  const units = codesOf(codings)
  return clips.map((clip, i) => ({ ...clip, ...(units[i] && { units: units[i] }) }))
}

/** A line for each unit that is there, its number and its strength first, written as floats; AU43 has no strength. No line, no unit. */
async function unbcCoding(file: string | undefined, context: LayoutContext): Promise<FacsCoding | undefined> {
  if (file === undefined) return undefined
  const lines = (await context.read(file)).split(/\r?\n/).filter((line) => line.trim() !== '')
  const units = lines.map((line) => line.trim().split(/\s+/).map(Number))
  if (units.every(([unit = Number.NaN, strength = Number.NaN]) => Number.isInteger(unit) && Number.isFinite(strength)))
    return new Map(units.map(([unit, strength]) => [unit!, strength! > 0 ? strength! : null]))
  context.findings.leave('FACS codes that are no numbers')
  return undefined
}

function isCoded(
  row: string,
  intensity: number,
  picture: string | undefined,
  { findings, pspi }: LayoutContext
): boolean {
  if (!Number.isFinite(intensity)) findings.problem('it holds no number', row)
  else if (intensity > 0 && intensity < pspi) findings.leave(`a PSPI above 0 and below ${pspi}`)
  else if (picture === undefined) findings.problem('its picture is missing', row)
  else return true
  return false
}

/** The tasks of the same people that show what is looked for. */
const bp4dTasks: Readonly<Record<string, string>> = { T1: 'happiness', T6: 'pain', T8: 'disgust' }
/** How BP4D writes that a unit could not be coded. */
const uncoded = 9

/** BP4D: `AUCoding/AU_OCC/SUBJECT_TASK.csv`, a row for each coded picture, and `…/SUBJECT/TASK/NUMBER.jpg`. */
export async function bp4d(context: LayoutContext): Promise<Clip[]> {
  const { root, files, findings, rules, everyS } = context
  const pictures = bp4dPictures(files)
  const clips: Clip[] = []
  for (const file of files) {
    const [, subject, task = ''] = /(?:^|\/)AU_OCC\/([FM]\d{3})_(T\d)\.csv$/i.exec(file) ?? []
    const label = bp4dTasks[task]
    if (subject === undefined || label === undefined) continue
    const own = rules.filter((rule) => rule.label === label)
    for (const { number, units } of codedFrames(await context.read(file))) {
      const picture = pictures.get(`${subject}/${task}/${number}`)
      if (!isTaken(number, everyS)) continue
      if (own.length > 0 && !own.some((rule) => holds(rule, units))) findings.leave('no rule holds')
      // The file's other pictures can be used.
      else if (picture === undefined) findings.mention('coded pictures are missing', file)
      else
        clips.push({
          ...{ ...frame, row: picture, file: join(root, picture), subject, label, source: 'bp4d', intensity: null },
          units: codedOnce(new Map([...units].map(([unit, value]) => [unitColumn(unit), value])))
        })
    }
  }
  return clips
}

/** By `SUBJECT/TASK/NUMBER`: numbers have three digits in some folders and four in others. */
function bp4dPictures(files: readonly string[]): Map<string, string> {
  const pictures = new Map<string, string>()
  for (const file of files) {
    const [, subject, task, number] = /(?:^|\/)([FM]\d{3})\/(T\d)\/(\d{1,9})\.(?:jpe?g|png)$/i.exec(file) ?? []
    if (number !== undefined) pictures.set(`${subject}/${task}/${Number(number)}`, file)
  }
  return pictures
}

/** The header has the units' numbers, with or without `AU`; the first column is the frame. */
function codedFrames(text: string): { number: number; units: Map<number, number> }[] {
  const [header = [], ...rows] = text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .map((line) => line.split(',').map((cell) => cell.trim()))
  const columns = header.map((cell, i) => (i === 0 ? undefined : /^(?:AU)?(\d{1,4})$/i.exec(cell)?.[1]))
  return rows.flatMap((cells) => {
    const number = Number(cells[0])
    if (cells[0] === '' || !Number.isInteger(number)) return []
    const coded = columns.flatMap((unit, i): [number, number][] =>
      unit === undefined || !cells[i] || Number(cells[i]) === uncoded ? [] : [[Number(unit), Number(cells[i])]]
    )
    return [{ number, units: new Map(coded) }]
  })
}

/** DISFA: `ActionUnit_Labels/SUBJECT/SUBJECT_auN.txt`, lines `frame,intensity` 0 to 5; the left camera's video where there are two. */
export async function disfa(context: LayoutContext): Promise<Clip[]> {
  const { root, files, findings, rules } = context
  if (rules.length === 0)
    throw new UsageError(
      'PL-OPTION-VALUE',
      'DISFA has no labels: a rule has to make them of its action units',
      '--rule',
      {
        fix: "Give one for each label, for example --rule 'happiness=AU6>=2&AU12>=2' --rule 'neutral=all<=0'."
      }
    )
  const labels = new Map<string, { file: string; unit: number }[]>()
  for (const file of files) {
    const [, subject, unit] = /(?:^|\/)(SN\d+)_au(\d+)\.txt$/i.exec(file) ?? []
    if (subject !== undefined) labels.set(subject, [...(labels.get(subject) ?? []), { file, unit: Number(unit) }])
  }
  const clips: Clip[] = []
  for (const [subject, units] of labels) {
    const videos = files.filter(
      (file) => basename(file).includes(subject) && /\.(avi|mp4|mkv|mov|mpe?g|wmv|webm)$/i.test(file)
    )
    const video = videos.find((file) => /left/i.test(basename(file))) ?? videos[0]
    if (video === undefined) {
      findings.problem('its video is missing', subject)
      continue
    }
    if (videos.length > 1) findings.leave('another video of the same minutes', videos.length - 1)
    const frames = await framesByNumber(context, units)
    const file = join(root, video)
    const durationS = await context.durationOf(file)
    const at = { row: video, file, subject, source: 'disfa', intensity: null, units: trackOf(frames, durationS) }
    clips.push(...stretchesOf(frames, rules, durationS, at, context))
  }
  return clips
}

async function framesByNumber(
  context: LayoutContext,
  units: readonly { file: string; unit: number }[]
): Promise<Map<number, Map<number, number>>> {
  const frames = new Map<number, Map<number, number>>()
  for (const { file, unit } of units)
    for (const line of (await context.read(file)).split(/\r?\n/)) {
      const [number = '', intensity = ''] = line.trim().split(/[,\s]+/)
      if (number === '') continue
      if (intensity === '' || !Number.isFinite(Number(number)) || !Number.isFinite(Number(intensity)))
        throw new InputError('PL-STUDY-LAYOUT', `"${printable(line)}" is no frame with its intensity`, printable(file))
      const coded = frames.get(Number(number)) ?? new Map<number, number>()
      frames.set(Number(number), coded.set(unit, Number(intensity)))
    }
  return frames
}

/** As `stretchesOf` places frames in time. */
function trackOf(frames: ReadonlyMap<number, Map<number, number>>, durationS: number): UnitCodes {
  const last = Math.max(...frames.keys())
  const units = [...new Set([...frames.values()].flatMap((coded) => [...coded.keys()]))].sort((a, b) => a - b)
  const numbers = [...frames.keys()].sort((a, b) => a - b)
  return new UnitTrack(
    units.map((unit) => unitColumn(unit)),
    Float64Array.from(numbers, (number) => ((number - 1) / last) * durationS),
    Float32Array.from(numbers.flatMap((number) => units.map((unit) => frames.get(number)!.get(unit) ?? Number.NaN)))
  )
}

/** Frames of the same label one after the other; by time, for programs count frames of a video differently. */
function stretchesOf(
  frames: ReadonlyMap<number, Map<number, number>>,
  rules: readonly UnitRule[],
  durationS: number,
  at: Pick<Clip, 'row' | 'file' | 'subject' | 'source' | 'intensity' | 'units'>,
  { findings }: LayoutContext
): Clip[] {
  const last = Math.max(...frames.keys())
  const clips: Clip[] = []
  let before: string | undefined
  for (let number = 1; number <= last; number++) {
    const units = frames.get(number)
    const labels = new Set(rules.filter((rule) => units && holds(rule, units)).map(({ label }) => label))
    const label = labels.size === 1 ? [...labels][0] : undefined
    if (labels.size > 1) findings.leave('rules of two labels hold')
    if (label !== undefined && label === before) clips.at(-1)!.endS = (number / last) * durationS
    else if (label !== undefined)
      clips.push({ ...at, label, startS: ((number - 1) / last) * durationS, endS: (number / last) * durationS })
    before = label
  }
  return clips
}
