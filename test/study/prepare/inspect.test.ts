import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ProgramError } from '../../../src/core/errors.js'
import { type Clip, Findings } from '../../../src/study/prepare/clips.js'
import { inspect } from '../../../src/study/prepare/inspect.js'
import type { VideoProbe } from '../../../src/study/prepare/video.js'

let folder: string
let findings: Findings
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-inspect-'))
  findings = new Findings()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const clipOf = (name: string, row: number, own: Partial<Clip> = {}): Clip => ({
  ...{ row: `row ${row}`, file: join(folder, name), subject: 's', label: 'pain', source: 'a' },
  ...{ startS: null, endS: null, intensity: null, ...own }
})

const video: VideoProbe = { durationS: 10, hasVideo: true, hasAudio: false }

async function look(
  clips: readonly Clip[],
  probe: () => Promise<VideoProbe> = async () => video
): Promise<{ usable: number; compared: number }> {
  let compared = 0
  const media = await inspect(clips, {
    ...{ findings, atOnce: 2, signal: new AbortController().signal },
    probe,
    onProgress: () => undefined,
    onCompared: (_, total) => {
      compared = total
    }
  })
  return { usable: media.size, compared }
}

/** A picture whose first 9,000 bytes are black, as those of an uncompressed TIFF are. */
const topBlack = (last: number): Buffer =>
  Buffer.concat([Buffer.from('II*\0'), Buffer.alloc(9000), Buffer.from([last])])

describe('copies', () => {
  it('are not files of the same size that begin alike', async () => {
    // Uncompressed videos of the same length have the same header.
    const header = Buffer.alloc(5000, 'h')
    for (const [i, name] of ['a.tif', 'b.tif', 'c.avi', 'd.avi'].entries())
      writeFileSync(join(folder, name), i < 2 ? topBlack(i) : Buffer.concat([header, Buffer.from(name)]))
    const clips = ['a.tif', 'b.tif', 'c.avi', 'd.avi'].map((name, i) => clipOf(name, i + 2))
    expect(await look(clips)).toEqual({ usable: 4, compared: 4 })
    expect(findings.problems).toEqual([])
  })

  it('are files with the same bytes', async () => {
    for (const [name, last] of [
      ['a.tif', 1],
      ['b.tif', 2],
      ['c.tif', 1]
    ] as const)
      writeFileSync(join(folder, name), topBlack(last))
    const clips = ['a.tif', 'b.tif', 'c.tif'].map((name, i) => clipOf(name, i + 2))
    await look(clips)
    expect(findings.problems).toEqual(['rows 2 and 4: these files are copies of each other'])
    expect(clips.map(({ row }) => findings.isWrong(row))).toEqual([false, false, true])
  })

  it('need no file to be read whole where none begins as another', async () => {
    writeFileSync(join(folder, 'a.tif'), topBlack(1))
    writeFileSync(join(folder, 'b.tif'), Buffer.concat([topBlack(1), Buffer.from('x')]))
    expect(await look([clipOf('a.tif', 2), clipOf('b.tif', 3)])).toEqual({ usable: 2, compared: 0 })
  })
})

describe('FFmpeg', () => {
  it('that is missing ends the search, and is no problem of a row, which could be left out', async () => {
    const clips = ['a.avi', 'b.avi', 'c.avi', 'd.avi'].map((name, i) => clipOf(name, i + 2))
    for (const { file } of clips) writeFileSync(file, 'a video')
    const missing = new ProgramError('PL-FFMPEG-MISSING', 'this program is not there', 'ffmpeg')
    let asked = 0
    const probe = async (): Promise<VideoProbe> => {
      asked++
      throw missing
    }
    await expect(look(clips, probe)).rejects.toBe(missing)
    expect(findings.problems).toEqual([])
    // Two at a time: what has not begun is not begun.
    expect(asked).toBeLessThanOrEqual(2)
  })
})

describe('a stretch', () => {
  it.each([
    [null, 0, 'end_s is not above 0'],
    [null, -2, 'end_s is not above 0'],
    [2, 2, 'end_s is not after start_s'],
    [-1, 0, 'start_s is below 0'],
    [10, null, 'start_s is behind the end of the video'],
    [null, 20, null]
  ])('from %s to %s s of a video of 10 s: %s', async (startS, endS, problem) => {
    writeFileSync(join(folder, 'v.avi'), 'x')
    await look([clipOf('v.avi', 7, { startS, endS })])
    expect(findings.problems).toEqual(problem === null ? [] : [`row 7: ${problem}`])
  })
})
