import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Papa from 'papaparse'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { packageRoot } from '../../src/core/version.js'
import { loadManifest } from '../../src/lib/model/load-manifest.js'
import { sha256Of } from '../../src/lib/model/manifest.js'
import { floatsOf, readModel, tensorOf, writeModel } from '../../src/lib/onnx/index.js'
import { createRandom } from '../../src/lib/random.js'
import { readDataset } from '../../src/study/dataset.js'
import { type TrainOptions, trainStudy } from '../../src/study/train/index.js'
import { readableByOthers } from '../support/readable-by-others.js'
import { patience } from '../support/slowness.js'
import { type StudyRig, studyRig, trainOptions, writeData } from './rig.js'

let rig: StudyRig
beforeAll(async () => {
  rig = await studyRig()
}, patience(60_000))
afterAll(() => rig.remove())

const optionsFor = (out: string, changed: Partial<TrainOptions> = {}): TrainOptions => trainOptions(rig, out, changed)

const train = (options: TrainOptions, signal = new AbortController().signal): Promise<string> =>
  trainStudy(options, () => undefined, signal)

const csv = (file: string): Record<string, string>[] =>
  Papa.parse<Record<string, string>>(readFileSync(file, 'utf8'), { header: true, skipEmptyLines: true }).data

describe('painlens study train', { timeout: patience(120_000) }, () => {
  it('learns what tells the classes apart, and judges each crop by a model that never saw its subject', async () => {
    const options = optionsFor('run')
    const manifest = await loadManifest(await train(options))
    expect(manifest).toMatchObject({
      labels: ['pain', 'disgust', 'happiness'],
      alarmLabel: 'pain',
      intendedUse: 'research'
    })
    // No other user enters the folder, whatever the modes within it; the model may be copied as it is.
    const open = readableByOthers(options.out)
    expect(open).not.toContain('.')
    expect(open).not.toContain('predictions.csv')
    expect(open.some((name) => name.endsWith('model.yaml'))).toBe(true)
    const predictions = csv(join(options.out, 'predictions.csv'))
    expect(predictions.map(({ crop }) => crop)).toEqual(csv(join(rig.data, 'index.csv')).map(({ crop }) => crop))
    const folds = new Map(csv(join(options.out, 'folds.csv')).map(({ subject, fold }) => [subject, fold]))
    for (const { subject, fold, ...row } of predictions) {
      expect(folds.get(subject!)).toBe(fold)
      const sum = ['pain', 'disgust', 'happiness'].reduce((all, label) => all + Number(row[`p_${label}`]), 0)
      expect(sum).toBeCloseTo(1, 5)
    }
    const shown = predictions.filter(({ label }) => label !== 'neutral')
    const right = shown.filter(({ label, predicted }) => label === predicted).length / shown.length
    expect(right).toBeGreaterThan(0.9)
    const metrics = JSON.parse(readFileSync(join(options.out, 'metrics.json'), 'utf8'))
    expect(metrics.all.accuracy).toBeCloseTo(right, 9)
    expect(metrics.resting.pain).toHaveLength(2)
    expect(manifest.resting).toEqual(metrics.resting)
    for (const fold of [1, 2, 3]) await loadManifest(join(options.out, `fold-${fold}`, 'model.yaml'))
    expect(csv(join(options.out, 'log.csv')).filter(({ model }) => model === 'final')).not.toHaveLength(0)
  })

  it('stays undecided about crops whose intensity is far below the one from which labels are certain', async () => {
    const options = optionsFor('faint', { certainFrom: 70, trainFrom: 'fc8', folds: 2 })
    await train({ ...options, recipe: { ...options.recipe, epochs: 6 } })
    for (const row of csv(join(options.out, 'predictions.csv')))
      for (const label of ['pain', 'disgust', 'happiness'])
        expect(Math.abs(Number(row[`p_${label}`]) - 1 / 3)).toBeLessThan(0.1)
  })

  it('trains a base whose weights are worked out from constants as it trains one that has them', async () => {
    const { file, ...manifest } = parse(readFileSync(rig.base, 'utf8')) as { file: string }
    const model = await readModel(join(rig.folder, file))
    const { nodes, initializers } = model.graph
    for (const name of ['conv1_1.weight', 'fc3.weight']) {
      const { dims, ...whole } = initializers.get(name)!
      const half = floatsOf({ dims, ...whole }).map((value) => value / 2)
      initializers.delete(name)
      initializers.set(`half ${name}`, tensorOf(`half ${name}`, half, dims))
      initializers.set(`two ${name}`, tensorOf(`two ${name}`, Float32Array.of(2), []))
      const inputs = [`half ${name}`, `two ${name}`]
      nodes.unshift({
        name: `whole ${name}`,
        opType: 'Mul',
        domain: '',
        inputs,
        outputs: [name],
        attributes: new Map()
      })
    }
    const base = join(rig.folder, 'worked-out.yaml')
    await writeModel(join(rig.folder, 'worked-out.onnx'), model)
    const sha256 = await sha256Of(join(rig.folder, 'worked-out.onnx'))
    writeFileSync(base, stringify({ ...manifest, file: 'worked-out.onnx', sha256 }))
    const [given, plain] = ['worked-out', 'plain'].map((out) => optionsFor(out, { folds: 2, views: 1 }))
    const recipe = { ...given!.recipe, epochs: 1 }
    await train({ ...given!, base, recipe })
    await train({ ...plain!, recipe })
    const said = (out: string): string => readFileSync(join(out, 'predictions.csv'), 'utf8')
    expect(said(given!.out)).toBe(said(plain!.out))
  })

  it('says before it begins how much disk, memory and time it takes, and while it trains how far it is', async () => {
    let said = ''
    const options = optionsFor('told', { folds: 3, views: 1, trainFrom: 'fc7' })
    const recipe = { ...options.recipe, epochs: 2 }
    const write = (line: string): void => {
      said += line
    }
    await trainStudy({ ...options, recipe }, write, new AbortController().signal)
    const [costs, , ...rest] = said.split('\n')
    expect(costs).toMatch(/^72 crops, 1 view\(s\) each; .* MB of disk and \d+ MB of memory\.$/)
    expect(said).toMatch(
      /\nBy a trial on this machine, as busy as it is, about [^:]+: .* for what stays as it is, .* for 3 folds and the final model, less where these stop early\.\n/
    )
    expect(rest.join('\n')).toMatch(
      /fold 1 of 3: \d+ of \d+, done in 0 s, epoch 2 of 2, loss \d\.\d+, accuracy \d\.\d+\n/
    )
  })

  it('is computed on the CPU where no GPU works, and refuses a GPU that was asked for by name before anything is written', async () => {
    const lines: string[] = []
    const options = optionsFor('anywhere', { views: 1, trainFrom: 'fc8', provider: 'cuda' })
    const begin = () => trainStudy(options, (line) => lines.push(line), AbortSignal.timeout(patience(60_000)))
    const works = await begin().then(
      () => true,
      (error: unknown) => {
        expect(error).toMatchObject({ code: 'PL-PROVIDER-UNUSABLE', where: '--provider cuda' })
        expect(String((error as { fix?: string }).fix)).toMatch(/or set --provider to auto or cpu|device/)
        return false
      }
    )
    options.provider = 'auto'
    await begin()
    expect(lines.find((line) => line.startsWith('Computed on'))).toMatch(
      works ? /^Computed on cuda/ : /^Computed on cpu/
    )
  })

  it('gives the same files for the same seed, also after kill -9 at any moment', async () => {
    const whole = optionsFor('whole')
    await train(whole)
    const random = createRandom(7)
    const killed = optionsFor('killed')
    for (let attempt = 0; attempt < 6; attempt++) await runAndKill(killed, 300 + random() * 2500)
    // What is left of a model that was being written.
    const left = join(killed.out, 'final/model.onnx.999999.tmp')
    mkdirSync(dirname(left), { recursive: true })
    writeFileSync(left, '')
    await train(killed)
    expect(existsSync(left)).toBe(false)
    for (const file of ['predictions.csv', 'folds.csv', 'final/model.onnx', 'fold-2/model.onnx', 'fold-1/model.yaml'])
      expect(readFileSync(join(killed.out, file)).equals(readFileSync(join(whole.out, file))), file).toBe(true)
    expect(readdirSync(killed.out).filter((name) => name.startsWith('.') || name.endsWith('.tmp'))).toEqual([])
  })

  it('stops at once when it is aborted, and keeps what is finished', async () => {
    const options = optionsFor('aborted')
    const abort = new AbortController()
    const running = trainStudy(
      options,
      (line) => line.startsWith('fold 1 of 3, epoch 2') && abort.abort(),
      abort.signal
    )
    await expect(running).rejects.toThrow()
    expect(existsSync(join(options.out, 'fold-1', 'last.checkpoint'))).toBe(true)
    expect(existsSync(join(options.out, '.running'))).toBe(false)
  })

  it('refuses a folder that holds a run with other options, and one where another run is at work', async () => {
    const options = optionsFor('taken')
    mkdirSync(options.out)
    writeFileSync(join(options.out, '.running'), String(process.pid))
    await expect(train(options)).rejects.toMatchObject({ code: 'PL-STUDY-FOLDER' })
    // A process that is gone holds nothing.
    writeFileSync(join(options.out, '.running'), '4194999')
    await train({ ...options, folds: 2, recipe: { ...options.recipe, epochs: 1 } })
    await expect(train(options)).rejects.toThrow(/it holds a run with another folds, recipe/)
    for (const [text, words] of [
      ['', /run\.yaml: it is not what painlens study writes/],
      ['a: {', /run\.yaml: it is not YAML/]
    ] as const) {
      writeFileSync(join(options.out, 'run.yaml'), text)
      await expect(train(options)).rejects.toMatchObject({
        code: 'PL-STUDY-FOLDER',
        message: expect.stringMatching(words)
      })
    }
  })

  it('takes Adam, one fold for each subject, later layers and no neutral faces', async () => {
    const options = optionsFor('other', { folds: 'subjects', trainFrom: 'fc8', neutral: 'leave-out', views: 4 })
    await train({ ...options, recipe: { ...options.recipe, optimizer: 'adam', epochs: 2 } })
    expect(new Set(csv(join(options.out, 'folds.csv')).map(({ fold }) => fold)).size).toBe(6)
  })
})

/** The command as users run it, killed in the middle. */
async function runAndKill({ data, base, out, recipe }: TrainOptions, ms: number): Promise<void> {
  const args = ['study', 'train', data, '--base', base, '--out', out, '--train-from', 'fc6', '--folds', '3']
  const more = Object.entries({ ...recipe, views: 2 }).flatMap(([key, value]) => [`--${key}`, String(value)])
  const child: ChildProcess = spawn(process.execPath, [join(packageRoot, 'dist/main.js'), ...args, ...more], {
    stdio: 'ignore'
  })
  const ended = once(child, 'exit')
  await Promise.race([sleep(ms), ended])
  child.kill('SIGKILL')
  await ended
}

describe('data that cannot be trained on', () => {
  const broken = async (name: string, change: (folder: string) => void, size = 32): Promise<unknown> => {
    const data = join(rig.folder, name)
    await writeData(data, { subjects: 3, crops: 1, size })
    change(data)
    return train(optionsFor(`${name}-out`, { data })).catch((error: unknown) => error)
  }
  const edit = (file: string, change: (text: string) => string) => (folder: string) =>
    writeFileSync(join(folder, file), change(readFileSync(join(folder, file), 'utf8')))

  it.each([
    [
      'a folder without index.csv',
      (f: string) => rmSync(join(f, 'index.csv')),
      'PL-STUDY-DATA',
      /index.csv: cannot be read \(ENOENT\)/
    ],
    [
      'a row without a label',
      edit('index.csv', (t) => t.replace(',pain,', ',,')),
      'PL-STUDY-DATA',
      /row 2: label is empty/
    ],
    [
      'a label that is a column of the results',
      edit('index.csv', (t) => t.replace(',pain,', ',no_usable_face,')),
      'PL-STUDY-DATA',
      /row 2: no_usable_face is a column of the results, and no label/
    ],
    [
      'a crop that is there twice',
      edit('index.csv', (t) => `${t}${t.split('\n')[1]}\n`),
      'PL-STUDY-DATA',
      /row 14: .* is there twice/
    ],
    [
      'a column that is there twice',
      edit('index.csv', (t) => t.replace('crop,subject,label', 'crop,label,Label')),
      'PL-STUDY-DATA',
      /more than one column label/
    ],
    ['no rows', edit('index.csv', (t) => `${t.split('\n')[0]}\n`), 'PL-STUDY-DATA', /it has no rows/],
    [
      'no crop of the alarm’s label',
      edit('index.csv', (t) => t.replaceAll(',pain,', ',fear,')),
      'PL-STUDY-LABELS',
      /no crop has the alarm's label pain, only disgust, fear, happiness/
    ],
    [
      'pain and rest alone',
      edit('index.csv', (t) => t.replaceAll(/,(disgust|happiness),/g, ',neutral,')),
      'PL-STUDY-LABELS',
      /one label \(pain\) beside neutral, .*Prepare pictures of another expression/
    ],
    [
      'one subject alone',
      edit('index.csv', (t) => t.replace(/s\d,/g, 's0,')),
      'PL-STUDY-FOLDS',
      /1 subjects cannot be parted into 3 folds/
    ],
    [
      'a class that one subject shows',
      edit('index.csv', (t) => t.replace(/^crops\/[12]-pain.*\n/gm, '')),
      'PL-STUDY-FOLDS',
      /only one subject shows pain/
    ],
    [
      'crops cut in another way than the base takes',
      edit('dataset.yaml', (t) => t.replace('0.38', '0.3')),
      'PL-STUDY-ALIGNMENT',
      /the crops have eyes 0.3 apart/
    ],
    [
      'a crop that is no picture',
      (f: string) => writeFileSync(join(f, 'crops/0-pain-0.png'), 'x'),
      'PL-STUDY-CROP',
      /0-pain-0.png: cannot be read as a picture/
    ],
    ['a crop that is missing', (f: string) => rmSync(join(f, 'crops/1-pain-0.png')), 'PL-STUDY-CROP', /1-pain-0.png/],
    ['dataset.yaml that is not YAML', edit('dataset.yaml', () => 'size: {'), 'PL-STUDY-DATA', /it is not YAML/]
  ])('%s is refused in one sentence', async (name, change, code, words) => {
    const error = await broken(name.replaceAll(/\W/g, '-'), change)
    expect(error).toMatchObject({ code, message: expect.stringMatching(words) })
  })

  it('index.csv that a spreadsheet has written anew is read as it was', async () => {
    const data = join(rig.folder, 'spreadsheet')
    await writeData(data, { subjects: 3, crops: 1 })
    const before = (await readDataset(data)).rows
    const text = readFileSync(join(data, 'index.csv'), 'utf8')
    const saved = `\ufeff${text.replaceAll(',', ';').replaceAll('\n', '\r\n')}`
    for (const bytes of [Buffer.from(saved), Buffer.from(saved, 'utf16le')]) {
      writeFileSync(join(data, 'index.csv'), bytes)
      expect((await readDataset(data)).rows).toEqual(before)
    }
  })

  it('crops of another size are refused before anything is computed', async () => {
    expect(await broken('large', () => undefined, 48)).toMatchObject({
      code: 'PL-STUDY-CROP',
      message: expect.stringMatching(/48x48 pixels, .* takes 32x32/)
    })
  })

  it('a file for --input that is wrong is refused with each key that is wrong', async () => {
    const input = join(rig.folder, 'input.yaml')
    const options = optionsFor('input', { base: rig.base.replace('.yaml', '.onnx'), input })
    writeFileSync(input, 'input: { width: 64, height: 64, layout: NCHW, mean: [0, 0, 0] }\n')
    await expect(train(options)).rejects.toMatchObject({
      code: 'PL-STUDY-BASE',
      what: expect.stringMatching(/^it does not describe a model's input \(layout: .*; colour: /)
    })
    writeFileSync(input, 'input: { width: 640000 }\n')
    await expect(train(options)).rejects.toMatchObject({
      what: expect.stringContaining('width: found 640000, allowed is a whole number from 16 to 1024')
    })
    writeFileSync(input, 'input: {')
    await expect(train(options)).rejects.toMatchObject({ what: expect.stringMatching(/input \(Flow map/) })
  })

  it('an ONNX file without a word on its input is refused', async () => {
    const options = optionsFor('bare', { base: rig.base.replace('.yaml', '.onnx') })
    await expect(train(options)).rejects.toMatchObject({ code: 'PL-STUDY-BASE' })
  })
})
