import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { InputError, PainlensError, whatOf } from '../../core/errors.js'
import { groupedBy } from '../../core/grouped.js'
import { formatOf, headBytes } from '../../lib/picture/formats.js'
import { readRegular } from '../../lib/picture/regular-file.js'
import type { Clip, Findings } from './clips.js'
import type { VideoProbe } from './video.js'

/** What a file is, by its content. */
export type Medium = { kind: 'picture'; bytes: number } | { kind: 'video'; bytes: number; durationS: number | null }

export interface InspectOptions {
  findings: Findings
  probe: (file: string) => Promise<VideoProbe>
  /** Files that are looked at at a time. */
  atOnce: number
  onProgress: (done: number, total: number) => void
  /** Of files that begin alike, which are read whole. */
  onCompared: (done: number, total: number) => void
  signal: AbortSignal
}

/**
 * Looks at each file, and at its stretch of it: what cannot be used is told now, not after hours.
 * @returns what each usable file is; clips of others have a problem
 * @throws what `probe` throws other than InputError; the signal's reason
 */
export async function inspect(clips: readonly Clip[], options: InspectOptions): Promise<Map<string, Medium>> {
  const { findings, onProgress } = options
  const files = [...new Set(clips.map(({ file }) => file))].filter((file) => file !== '')
  const media = new Map<string, Medium>()
  const refused = new Map<string, string>()
  const heads = new Map<string, string>()
  let done = 0
  await inLanes(files, options, async (file) => {
    const found = await mediumOf(file, options)
    if (typeof found === 'string') refused.set(file, found)
    else {
      media.set(file, found.medium)
      heads.set(file, found.head)
    }
    onProgress(++done, files.length)
  })
  for (const { file, row } of clips) if (refused.has(file)) findings.problem(refused.get(file)!, row)
  for (const clip of clips) checkStretch(clip, media.get(clip.file), findings)
  findCopies(clips, await contentsOf(heads, options), findings)
  return media
}

/** Several at a time. */
async function inLanes<Item>(
  items: readonly Item[],
  { atOnce, signal }: Pick<InspectOptions, 'atOnce' | 'signal'>,
  work: (item: Item) => Promise<void>
): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      signal.throwIfAborted()
      await work(items[next++]!)
    }
  }
  try {
    await Promise.all(Array.from({ length: atOnce }, lane))
  } finally {
    // Where one lane fails, the others end, too.
    next = items.length
  }
}

/**
 * The same for files with the same bytes. Those that have the same size and begin alike are read whole: uncompressed videos of the same length do, and
 * pictures with a black top.
 * @param heads of each file, its size and its beginning
 */
async function contentsOf(heads: ReadonlyMap<string, string>, options: InspectOptions): Promise<Map<string, string>> {
  const contents = new Map(heads)
  const alike = [...groupedBy(heads.keys(), (file) => heads.get(file)!).values()].filter(({ length }) => length > 1)
  const files = alike.flat()
  let done = 0
  await inLanes(files, options, async (file) => {
    // One that cannot be read any more is no copy; decoding it will say why.
    contents.set(file, (await digestOf(file, options.signal)) ?? file)
    options.onCompared(++done, files.length)
  })
  return contents
}

async function digestOf(file: string, signal: AbortSignal): Promise<string | null> {
  const hash = createHash('sha256')
  try {
    for await (const bytes of createReadStream(file, { signal, highWaterMark: 2 ** 20 })) hash.update(bytes as Buffer)
  } catch {
    signal.throwIfAborted()
    return null
  }
  return hash.digest('hex')
}

async function mediumOf(
  file: string,
  { probe, signal }: InspectOptions
): Promise<{ medium: Medium; head: string } | string> {
  try {
    const { size } = await stat(file)
    const head = await readRegular(file, signal, headBytes)
    if (size === 0) return 'the file is empty (0 bytes)'
    const mark = createHash('sha256').update(`${size} `).update(head).digest('hex')
    const format = formatOf(head, file)
    if (format?.readable) return { medium: { kind: 'picture', bytes: size }, head: mark }
    if (format && !format.other) return `it is ${format.name}, which cannot be read: save it as JPEG or PNG`
    const { hasVideo, hasAudio, durationS } = await probe(file)
    if (hasVideo) return { medium: { kind: 'video', bytes: size, durationS }, head: mark }
    return hasAudio ? 'it has sound and no picture' : 'it is neither a picture nor a video that FFmpeg can open'
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof InputError) return error.what
    // FFmpeg itself is missing or broken, which is no trouble of this file.
    if (error instanceof PainlensError) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file'
    return code === undefined ? whatOf(error) : `it cannot be read (${code})`
  }
}

function checkStretch({ row, startS, endS }: Clip, medium: Medium | undefined, findings: Findings): void {
  if (startS !== null && startS < 0) findings.problem('start_s is below 0', row)
  else if (startS !== null && endS !== null && endS <= startS) findings.problem('end_s is not after start_s', row)
  else if (startS === null && endS !== null && endS <= 0) findings.problem('end_s is not above 0', row)
  else if (medium?.kind === 'video' && medium.durationS !== null && (startS ?? 0) >= medium.durationS)
    findings.problem('start_s is behind the end of the video', row)
}

/** The same pictures twice would be in training and test alike, or count twice. */
function findCopies(clips: readonly Clip[], contents: ReadonlyMap<string, string>, findings: Findings): void {
  const byContent = new Map<string, Clip[]>()
  for (const clip of clips) {
    const content = contents.get(clip.file)
    if (content === undefined) continue
    const earlier = byContent.get(content) ?? []
    byContent.set(content, earlier)
    const other = earlier.find((one) => overlaps(clip, one))
    earlier.push(clip)
    if (!other) continue
    const what =
      other.file === clip.file
        ? 'the same stretch of the same file is there more than once'
        : `these files are copies of each other${other.source === clip.source ? '' : ', in different sources'}`
    findings.mention(what, other.row)
    findings.problem(what, clip.row)
  }
}

const overlaps = (a: Clip, b: Clip): boolean =>
  (a.startS ?? 0) < (b.endS ?? Number.POSITIVE_INFINITY) && (b.startS ?? 0) < (a.endS ?? Number.POSITIVE_INFINITY)
