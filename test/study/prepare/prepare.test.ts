import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Papa from 'papaparse'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { packageRoot } from '../../../src/core/version.js'
import { alignFace } from '../../../src/lib/face/align.js'
import { faceModelFiles } from '../../../src/lib/face/model-files.js'
import { FaceNetworks } from '../../../src/lib/face/networks.js'
import { searchFaces } from '../../../src/lib/face/search.js'
import { allSweeps } from '../../../src/lib/face/sweeps.js'
import { readPicture } from '../../../src/lib/picture/read.js'
import { createRandom } from '../../../src/lib/random.js'
import { type PrepareOptions, prepareStudy } from '../../../src/study/prepare/index.js'
import { trainStudy } from '../../../src/study/train/index.js'
import { readableByOthers } from '../../support/readable-by-others.js'
import { patience, until } from '../../support/slowness.js'
import { studyRig, trainOptions } from '../rig.js'
import { defaults, draw, ffmpeg, film, photo } from './media.js'

let folder: string
const person = (number: number): string => join(folder, `p${number}.jpg`)
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-prepare-'))
  for (const number of [2, 3, 4]) await draw(person(number), number)
  film(join(folder, 'v.mp4'), person(2))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Writes a table; its rows have `file,subject,label,start_s,end_s,source`. */
function table(name: string, ...rows: string[]): string {
  const file = join(folder, `${name}.csv`)
  writeFileSync(file, `file,subject,label,start_s,end_s,source\n${rows.join('\n')}\n`)
  return file
}

const optionsFor = (name: string, changed: Partial<PrepareOptions>): PrepareOptions => ({
  ...defaults,
  table: undefined,
  out: join(folder, `${name}-data`),
  ...changed
})

const prepare = (
  options: PrepareOptions,
  signal = new AbortController().signal,
  lines: string[] = []
): Promise<string> => prepareStudy(options, (line) => lines.push(line), signal)

const rowsOf = (out: string): Record<string, string>[] =>
  Papa.parse<Record<string, string>>(readFileSync(join(out, 'index.csv'), 'utf8'), {
    header: true,
    skipEmptyLines: true
  }).data
const datasetOf = (out: string) => parse(readFileSync(join(out, 'dataset.yaml'), 'utf8'))

/** All files of a data set, as bytes by name. */
const contentOf = (out: string): Map<string, string> =>
  new Map(
    (readdirSync(out, { recursive: true }) as string[])
      .filter((name) => statSync(join(out, name)).isFile())
      .sort()
      .map((name) => [name, readFileSync(join(out, name)).toString('base64')])
  )

describe('painlens study prepare', { timeout: patience(120_000) }, () => {
  it('names videos that end before their time, and stretches without a picture', async () => {
    const whole = join(folder, 'whole.mkv')
    film(whole, person(2), { seconds: 6, more: ['-g', '1'] })
    const bytes = readFileSync(whole)
    writeFileSync(join(folder, 'cut.mkv'), bytes.subarray(0, bytes.length / 2))
    const rows = [
      'cut.mkv,s1,pain,0,5,a',
      'cut.mkv,s1,neutral,5,5.5,a',
      'cut.mkv,s1,neutral,5.5,6,a',
      'whole.mkv,s2,pain,,,a'
    ]
    const options = optionsFor('cut', { table: table('cut', ...rows) })
    const lines: string[] = []
    await prepare(options, undefined, lines)
    expect(datasetOf(options.out).left_out.files).toEqual([
      {
        video: 'cut.mkv',
        why: expect.stringMatching(/no picture after [23]\.\d s, and should end at 5\.0 s/),
        clips: 1
      },
      { video: 'cut.mkv', why: 'a stretch of it has no picture', clips: 2 }
    ])
    expect(lines.join('')).toMatch(/not read wholly, cut\.mkv: a stretch of it has no picture \(2 clips\)/)
    await expect(
      prepare(optionsFor('gone', { table: table('gone', 'cut.mkv,s1,pain,5,5.5,a', 'cut.mkv,s2,pain,5.5,6,a') }))
    ).rejects.toMatchObject({
      code: 'PL-STUDY-EMPTY',
      what: 'none of the 2 clips has a picture in its stretch (cut.mkv: a stretch of it has no picture): see --from, --to and --every'
    })
  })

  it('cuts the face of each picture and of each half second of a video as the daemon does', async () => {
    copyFileSync(photo(2), join(folder, 'photograph.jpg'))
    const files = ['photograph.jpg,s1,pain,,,a', 'v.mp4,s2,neutral,0.4,1.5,a']
    const options = optionsFor('plain', { table: table('plain', ...files), workers: 2 })
    await prepare(options)
    expect(readableByOthers(options.out)).toEqual([])
    const rows = rowsOf(options.out)
    expect(rows.map(({ crop, subject, label, video, time_s }) => [crop, subject, label, video, time_s])).toEqual([
      ['crops/000001-0001.png', 's1', 'pain', 'photograph.jpg', ''],
      ['crops/000002-0001.png', 's2', 'neutral', 'v.mp4', '0.4'],
      ['crops/000002-0002.png', 's2', 'neutral', 'v.mp4', '1'],
      ['crops/000002-0003.png', 's2', 'neutral', 'v.mp4', '1.4']
    ])
    const networks = await FaceNetworks.open(faceModelFiles(join(packageRoot, 'models/face')), {
      provider: 'cpu',
      threads: 1
    })
    try {
      const picture = await readPicture(photo(2), new AbortController().signal)
      const faces = await searchFaces(networks, picture, { minScore: 0.5, around: [], sweeps: allSweeps })
      const [largest] = faces.sort((a, b) => b.box.width * b.box.height - a.box.width * a.box.height)
      const { data } = alignFace(picture, largest!.landmarks, { width: 64, height: 64 })
      const written = await sharp(join(options.out, rows[0]!.crop!)).raw().toBuffer()
      expect(written.equals(Buffer.from(data))).toBe(true)
      expect(Number(rows[0]!.roll_deg)).toBeCloseTo(largest!.roll, 1)
    } finally {
      await networks.close()
    }
    for (const name of ['index.csv', 'dataset.yaml', rows[1]!.crop!])
      expect(statSync(join(options.out, name)).mode & 0o777, name).toBe(0o600)
    expect(datasetOf(options.out)).toMatchObject({
      size: { width: 64, height: 64 },
      alignment: { eye_distance: 0.38, eye_y: 0.36 },
      crops: 4,
      labels: { pain: { crops: 1, subjects: 1, videos: 1 }, neutral: { crops: 3, subjects: 1, videos: 1 } },
      subjects: { s1: { pain: 1 }, s2: { neutral: 3 } },
      warnings: expect.arrayContaining([
        { says: expect.stringMatching(/^Only 2 subject/), trap: 'few_subjects', subjects: 2, folds: 5 }
      ])
    })
  })

  it('says that the folder is finished when it is asked again, and refuses it for other options', async () => {
    const options = optionsFor('again', { table: table('again', 'p2.jpg,s1,pain,,,a') })
    await prepare(options)
    const lines: string[] = []
    const before = contentOf(options.out)
    await prepare(options, undefined, lines)
    expect(lines.join('')).toMatch(/holds this data set already/)
    expect(contentOf(options.out)).toEqual(before)
    await expect(prepare({ ...options, seed: 2 })).rejects.toMatchObject({ code: 'PL-STUDY-FOLDER' })
    for (const text of ['', '[]', 'key: 7', 'key: {']) {
      writeFileSync(join(options.out, 'dataset.yaml'), text)
      await expect(prepare(options)).rejects.toMatchObject({
        ...{
          code: 'PL-STUDY-FOLDER',
          message: expect.stringMatching(/dataset\.yaml: it is not (YAML|what painlens study writes)/)
        }
      })
    }
  })

  it('counts pictures without a usable face by the reason, and fails where there is no other', async () => {
    const plain = { create: { width: 320, height: 240, channels: 3 as const, background: '#406080' } }
    await sharp(plain).png().toFile(join(folder, 'wall.png'))
    await sharp({ create: { ...plain.create, background: 'black' } })
      .png()
      .toFile(join(folder, 'black.png'))
    await sharp(person(2)).resize(50).toFile(join(folder, 'tiny.jpg'))
    const rows = ['wall.png,s1,pain,,,a', 'black.png,s1,pain,,,a', 'tiny.jpg,s2,pain,,,a']
    const options = optionsFor('faceless', { table: table('faceless', ...rows, 'p2.jpg,s3,pain,,,a') })
    await prepare(options)
    const { left_out } = datasetOf(options.out)
    expect(left_out.pictures).toMatchObject({ black: 1, no_face: 1, small: 1 })
    expect(left_out.by_label).toEqual({ pain: left_out.pictures })
    expect(left_out.subjects_without_crop).toEqual(['s1', 's2'])
    const none = optionsFor('none', { table: table('none', ...rows) })
    await expect(prepare(none)).rejects.toMatchObject({
      code: 'PL-STUDY-EMPTY',
      what: expect.stringMatching(/black: 1/)
    })
  })

  it('tells all that is wrong at once, before anything is written, and leaves it out where that is asked for', async () => {
    writeFileSync(join(folder, 'zero.mp4'), '')
    writeFileSync(join(folder, 'text.mp4'), 'no video')
    ffmpeg('-f', 'lavfi', '-i', 'sine=duration=1', join(folder, 'sound.mp4'))
    copyFileSync(join(folder, 'p2.jpg'), join(folder, 'copy.jpg'))
    const rows = [
      ...['gone.mp4,s1,pain,,,a', 'zero.mp4,s1,pain,,,a', 'text.mp4,s1,pain,,,a', 'sound.mp4,s1,pain,,,a'],
      ...[
        'p2.jpg,s1,happy,,,a',
        'v.mp4,s1,pain,1,1,a',
        'v.mp4,s1,pain,9,,a',
        'p2.jpg,s1,pain,,,a',
        'copy.jpg,s2,pain,,,b'
      ],
      ...['gone2.mp4,s1,pain,,,a', 'p3.jpg,s1,neutral,,,a']
    ]
    const options = optionsFor('wrong', { table: table('wrong', ...rows) })
    const error = await prepare(options).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'PL-STUDY-TABLE' })
    for (const line of [
      'rows 2 and 11: there is no such file',
      'row 3: the file is empty (0 bytes)',
      'row 4: it is neither a picture nor a video that FFmpeg can open',
      'row 5: it has sound and no picture',
      'row 6: the label "happy" is not one of pain, disgust, happiness, neutral',
      'row 7: end_s is not after start_s',
      'row 8: start_s is behind the end of the video',
      'rows 9 and 10: these files are copies of each other, in different sources'
    ])
      expect((error as Error).message).toContain(`\n  ${line}\n`)
    expect(existsSync(options.out)).toBe(false)
    await prepare({ ...options, skipBad: true })
    expect(rowsOf(options.out).map(({ video }) => video)).toEqual(['p2.jpg', 'p3.jpg'])
    expect(datasetOf(options.out).left_out.rows).toMatchObject({ 'there is no such file': 2 })
  })

  it('carries the action units of the table and of OpenFace to each crop, and counts them', async () => {
    const times = Array.from({ length: 10 }, (_, i) => i / 5)
    const lines = times.map((timeS, i) => `${i + 1}, ${timeS.toFixed(3)}, ${i === 5 ? 0 : 1}, ${(i / 4).toFixed(2)}`)
    writeFileSync(join(folder, 'openface.csv'), ['frame, timestamp, success, AU04_r', ...lines].join('\n'))
    const file = join(folder, 'units.csv')
    const rows = ['p2.jpg,s1,pain,4B+43,2,', 'v.mp4,s2,neutral,,,openface.csv', 'p3.jpg,s3,pain,0,,']
    writeFileSync(file, `file,subject,label,facs,AU12,action_units\n${rows.join('\n')}\n`)
    const options = optionsFor('units', { table: file, workers: 2 })
    await prepare(options)
    const units = ({ time_s, AU04, AU04_r, AU12, AU43 }: Record<string, string>) => [time_s, AU04, AU04_r, AU12, AU43]
    expect(rowsOf(options.out).map(units)).toEqual([
      ['', '2', '', '2', '1'],
      ['0', '', '0', '', ''],
      ['0.6', '', '0.75', '', ''],
      // OpenFace had lost the face.
      ['1', '', '', '', ''],
      ['1.6', '', '2', '', ''],
      ['', '0', '', '', '0']
    ])
    expect(datasetOf(options.out).action_units).toEqual({ AU04: 2, AU04_r: 3, AU12: 1, AU43: 2 })
    // Crops of other units are another data set.
    writeFileSync(file, `file,subject,label,facs,AU12,action_units\n${rows.join('\n').replace('4B', '4C')}\n`)
    await expect(prepare(options)).rejects.toMatchObject({ code: 'PL-STUDY-FOLDER' })
  })

  it('keeps so many crops of each class, from all of its subjects, and leaves dense videos alone', async () => {
    film(join(folder, 'long.mp4'), person(2), { seconds: 64, fps: 0.125 })
    const rows = [3, 4].map((number) => `p${number}.jpg,s${number},pain,,,a`)
    const options = optionsFor('balanced', {
      ...{ table: table('balanced', ...rows, 'v.mp4,s1,happiness,,,a', 'long.mp4,s1,neutral,,,a') },
      ...{ balance: 'smallest' as const, dense: true, everyS: 0.5, exclude: ['s4'] }
    })
    const lines: string[] = []
    await prepare(options, undefined, lines)
    expect(lines).toContain('--dense applies to 1 video(s) of 60 s and more.\n')
    const { labels, left_out } = datasetOf(options.out)
    expect(labels).toMatchObject({ pain: { crops: 1 }, happiness: { crops: 1 }, neutral: { crops: 8 } })
    expect(left_out.rows).toMatchObject({
      'a subject of --exclude': 1,
      'more crops of a class than --balance keeps': 3
    })
    expect(readdirSync(join(options.out, 'crops'))).toHaveLength(10)
  })

  it('warns where --dense applies to no video', async () => {
    const lines: string[] = []
    await prepare(
      optionsFor('short', { table: table('short', 'v.mp4,s1,happiness,,,a'), dense: true }),
      undefined,
      lines
    )
    expect(lines.join('')).toMatch(
      /^Warning: --dense applies to no video: the stretches of each are shorter than 60 s in all/m
    )
  })

  it('gives BioVid’s people pseudonyms, and keeps their names in a file of its own', async () => {
    const root = join(folder, 'BioVid')
    const names = ['071309_w_21', '071614_m_20']
    const header = 'subject_id\tsubject_name\tclass_id\tclass_name\tsample_id\tsample_name'
    const rows = names.flatMap((name) => [
      `1\t${name}\t0\tBL1\t1\t${name}-BL1-081`,
      `1\t${name}\t4\tPA4\t2\t${name}-PA4-082`
    ])
    for (const [i, name] of names.entries()) {
      mkdirSync(join(root, 'PartA/video', name), { recursive: true })
      film(join(root, 'PartA/video', name, `${name}-BL1-081.mp4`), person(2 + i), { seconds: 1 })
      film(join(root, 'PartA/video', name, `${name}-PA4-082.mp4`), person(2 + i), { seconds: 1.2 })
    }
    writeFileSync(join(root, 'samples.csv'), [header, ...rows].join('\n'))
    // Damaged in the middle: what FFmpeg says of it names the file.
    const damaged = join(root, 'PartA/video', names[0]!, `${names[0]}-PA4-082.mp4`)
    const bytes = readFileSync(damaged)
    writeFileSync(damaged, bytes.fill(0x55, Math.floor(bytes.length * 0.3), Math.floor(bytes.length * 0.6)))
    const options = optionsFor('biovid', { layout: 'biovid', root, skipBad: true })
    await prepare(options)
    for (const [name, content] of contentOf(options.out))
      if (name !== 'pseudonyms.csv')
        for (const person of names) expect(Buffer.from(content, 'base64').includes(person), name).toBe(false)
    const key = readFileSync(join(options.out, 'pseudonyms.csv'), 'utf8')
    for (const person of names) expect(key).toContain(`,${person}\n`)
    expect(statSync(join(options.out, 'pseudonyms.csv')).mode & 0o777).toBe(0o600)
    expect(new Set(rowsOf(options.out).map(({ subject }) => subject))).toEqual(new Set(['s001', 's002']))
  })

  it('leaves the key of pseudonyms as it is where an unfinished data set is of other options', async () => {
    const options = optionsFor('unfinished', { table: table('unfinished', 'p2.jpg,s1,pain,,,a'), pseudonyms: true })
    mkdirSync(options.out)
    const key = 'pseudonym,name\ns001,Anna\n'
    writeFileSync(join(options.out, 'pseudonyms.csv'), key)
    writeFileSync(join(options.out, 'progress.jsonl'), '{"key":"of other options"}\n')
    await expect(prepare(options)).rejects.toMatchObject({ code: 'PL-STUDY-FOLDER' })
    expect(readFileSync(join(options.out, 'pseudonyms.csv'), 'utf8')).toBe(key)
  })

  it('gives the same files after kill -9 at random moments', async () => {
    const rows = [2, 3, 4].map((number) => `p${number}.jpg,s${number},pain,,,a`)
    const rows2 = [0, 0.5, 1, 1.5].map((start) => `v.mp4,s1,neutral,${start},${start + 0.5},a`)
    const whole = optionsFor('whole', { table: table('kill', ...rows, ...rows2) })
    await prepare(whole)
    const killed = { ...whole, out: join(folder, 'killed-data') }
    const random = createRandom(5)
    // While it reads the table, and then at some moment after the first and the third file.
    await runAndKill(killed, async () => sleep(300))
    for (const done of [1, 3])
      await runAndKill(killed, async () => {
        await until(() => linesOf(join(killed.out, 'progress.jsonl')) >= done, 'progress')
        await sleep(100 * random())
      })
    await prepare(killed)
    expect(contentOf(killed.out)).toEqual(contentOf(whole.out))
  })

  it('says that the disk is full, and goes on when there is room again', async () => {
    const options = optionsFor('full', { table: table('full', 'p2.jpg,s1,pain,,,a') })
    const line = `ulimit -f 2; exec "$0" "$@" 2>&1`
    const child = spawn('bash', ['-c', line, process.execPath, ...commandOf(options)], {
      stdio: ['ignore', 'pipe', 'ignore']
    })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    const [code] = await once(child, 'close')
    expect(code).toBe(1)
    expect(said).toMatch(/cannot be written \(\w+\).*\[PL-STUDY-DISK\]/)
    expect(readdirSync(join(options.out, 'crops'))).toEqual([])
    await prepare(options)
    expect(rowsOf(options.out)).toHaveLength(1)
  })

  it('ends its decoder and its workers when it is aborted', async () => {
    film(join(folder, 'busy.mp4'), person(2), { seconds: 20, fps: 5 })
    const options = optionsFor('aborted', { table: table('aborted', 'p2.jpg,s1,pain,,,a', 'busy.mp4,s2,neutral,,,a') })
    const abort = new AbortController()
    const running = prepareStudy({ ...options, everyS: 0 }, () => undefined, abort.signal)
    const crops = join(options.out, 'crops')
    const started = (): boolean => existsSync(crops) && readdirSync(crops).length > 1
    void (async () => {
      while (!started()) await sleep(20)
      abort.abort()
    })()
    await expect(running).rejects.toMatchObject({ name: 'AbortError' })
    expect(decodersOf(join(folder, 'busy.mp4'))).toEqual([])
    expect(existsSync(join(options.out, '.running'))).toBe(false)
    expect(existsSync(join(options.out, 'dataset.yaml'))).toBe(false)
  })

  it('makes what study train takes, with the size and the alignment of its base model', async () => {
    const rig = await studyRig()
    try {
      const rows = [2, 3, 4].flatMap((number) => {
        for (const label of ['pain', 'happiness'])
          film(join(folder, `${label}${number}.mp4`), person(number), {
            seconds: 1,
            filter: label === 'pain' ? 'eq=brightness=-0.2' : 'eq=brightness=0.1'
          })
        return ['pain', 'happiness'].map((label) => `${label}${number}.mp4,s${number},${label},,,a`)
      })
      const options = optionsFor('trained', {
        table: table('trained', ...rows),
        base: rig.base,
        size: undefined,
        everyS: 1
      })
      const data = await prepare(options)
      expect(datasetOf(data).size).toEqual({ width: 32, height: 32 })
      const usual = trainOptions(rig, 'run', { data })
      const recipe = { ...usual.recipe, epochs: 2, batch: 4, patience: 2 }
      const manifest = await trainStudy(
        { ...usual, trainFrom: 'fc7', recipe },
        () => undefined,
        new AbortController().signal
      )
      expect(parse(readFileSync(manifest, 'utf8'))).toMatchObject({ labels: ['pain', 'happiness'] })
    } finally {
      rig.remove()
    }
  })
})

/** Running decoders that read that file. */
function decodersOf(file: string): string[] {
  const all = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n')
  return all.filter((line) => line.includes('ffmpeg') && line.includes(file))
}

/** The command as users run it. */
function commandOf({ table: path, out, size, everyS }: PrepareOptions): string[] {
  const args = ['study', 'prepare', '--table', path!, '--size', String(size), '--every', String(everyS), '--out', out]
  return [join(packageRoot, 'dist/main.js'), ...args, '--workers', '2']
}

/** Kills it once `moment` has come. */
async function runAndKill(options: PrepareOptions, moment: () => Promise<unknown>): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, commandOf(options), { stdio: 'ignore' })
  const ended = once(child, 'exit')
  await Promise.race([moment(), ended])
  child.kill('SIGKILL')
  await ended
}

const linesOf = (file: string): number => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0)
