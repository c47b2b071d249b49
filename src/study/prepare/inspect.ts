import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { InputError, whatOf } from '../../core/errors.js'
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
  signal: AbortSignal
}

/**
 * Looks at each file, and at its stretch of it: what cannot be used is told now, not after hours.
 * @returns what each usable file is; clips of others have a problem
 */
export async function inspect(clips: readonly Clip[], options: InspectOptions): Promise<Map<string, Medium>> {
  const { findings, signal, onProgress } = options
  const files = [...new Set(clips.map(({ file }) => file))].filter((file) => file !== '')
  const media = new Map<string, Medium>()
  const refused = new Map<string, string>()
  const heads = new Map<string, string>()
  let next = 0
  let done = 0
  const lane = async (): Promise<void> => {
    for (let file = files[next++]; file !== undefined; file = files[next++]) {
      signal.throwIfAborted()
      const found = await mediumOf(file, options)
      if (typeof found === 'string') refused.set(file, found)
      else {
        media.set(file, found.medium)
        heads.set(file, found.head)
      }
      onProgress(++done, files.length)
    }
  }
  await Promise.all(Array.from({ length: options.atOnce }, lane))
  for (const { file, row } of clips) if (refused.has(file)) findings.problem(refused.get(file)!, row)
  for (const clip of clips) checkStretch(clip, media.get(clip.file), findings)
  findCopies(clips, heads, findings)
  return media
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
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file'
    return code === undefined ? whatOf(error) : `it cannot be read (${code})`
  }
}

function checkStretch({ row, startS, endS }: Clip, medium: Medium | undefined, findings: Findings): void {
  if (startS !== null && startS < 0) findings.problem('start_s is below 0', row)
  else if (startS !== null && endS !== null && endS <= startS) findings.problem('end_s is not after start_s', row)
  else if (medium?.kind === 'video' && medium.durationS !== null && (startS ?? 0) >= medium.durationS)
    findings.problem('start_s is behind the end of the video', row)
}

/** The same pictures twice would be in training and test alike, or count twice. */
function findCopies(clips: readonly Clip[], heads: ReadonlyMap<string, string>, findings: Findings): void {
  const byContent = new Map<string, Clip[]>()
  for (const clip of clips) {
    const head = heads.get(clip.file)
    if (head === undefined) continue
    const earlier = byContent.get(head) ?? []
    byContent.set(head, earlier)
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
