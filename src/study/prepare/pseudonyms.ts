import { join, relative } from 'node:path'
import Papa from 'papaparse'
import { createRandom } from '../../lib/random.js'
import { writeStudyFile } from '../files.js'
import type { Clip } from './clips.js'

/** How a clip's subject and video are called in the data set. */
export interface Names {
  subject: string
  video: string
}

const keyFile = 'pseudonyms.csv'

/**
 * Names for the data set. With pseudonyms: `s001`, and `s001-v002` for its files, in an order that tells nothing of the names;
 * the same for the same clips and seed. A clip without a subject is a person of its own.
 */
export function namesOf(
  clips: readonly Clip[],
  { root, personal, seed }: { root: string; personal: boolean; seed: number }
): { of: (clip: Clip) => Names; key: [pseudonym: string, name: string][] } {
  const shown = (file: string): string => relative(root, file)
  const own = ({ subject, file }: Clip): string => subject || `unknown ${shown(file)}`
  if (!personal) return { of: (clip) => ({ subject: own(clip), video: shown(clip.file) }), key: [] }
  const random = createRandom(seed)
  const subjects = [...new Set(clips.map(own))].sort().map((name) => ({ name, place: random() }))
  const key: [string, string][] = subjects
    .sort((a, b) => a.place - b.place)
    .map(({ name }, i) => [`s${String(i + 1).padStart(3, '0')}`, name])
  const bySubject = new Map(key.map(([pseudonym, name]) => [name, pseudonym]))
  const videos = new Map<string, string>()
  const counts = new Map<string, number>()
  for (const clip of clips) {
    if (videos.has(clip.file)) continue
    const pseudonym = bySubject.get(own(clip))!
    const count = (counts.get(pseudonym) ?? 0) + 1
    counts.set(pseudonym, count)
    videos.set(clip.file, `${pseudonym}-v${String(count).padStart(3, '0')}`)
  }
  return {
    of: (clip) => ({ subject: bySubject.get(own(clip))!, video: videos.get(clip.file)! }),
    key: [...key, ...[...videos].map(([file, pseudonym]): [string, string] => [pseudonym, shown(file)])]
  }
}

/** The table of names and pseudonyms, in a file that can be kept elsewhere. @throws DiskError */
export async function writeKey(folder: string, key: readonly (readonly [string, string])[]): Promise<void> {
  const text = Papa.unparse({ fields: ['pseudonym', 'name'], data: key as [string, string][] }, { newline: '\n' })
  await writeStudyFile(join(folder, keyFile), [text, '\n'])
}
