/** The report of a run, from the folder to the page in a browser. */
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import Papa from 'papaparse'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { plainCompositeNames } from '../../../src/lib/lrp/index.js'
import { createRandom } from '../../../src/lib/random.js'
import type { Evaluation } from '../../../src/study/evaluate/evaluation.js'
import type { ReportOptions } from '../../../src/study/report/index.js'
import { trainStudy } from '../../../src/study/train/index.js'
import { chromiumPath, openChromium } from '../../support/browser.js'
import { patience } from '../../support/slowness.js'
import { trainOptions } from '../rig.js'
import { commandOf, type ReportRig, reportRig, runAndKill } from './report-rig.js'

let rig: ReportRig
let page: string
beforeAll(async () => {
  rig = await reportRig()
  page = await rig.report()
}, patience(240_000))
afterAll(() => rig.remove())

const csv = (name: string): Record<string, string>[] =>
  Papa.parse<Record<string, string>>(readFileSync(join(dirname(page), 'parts', `${name}.csv`), 'utf8'), {
    header: true,
    skipEmptyLines: true
  }).data
const evaluation = (): Evaluation =>
  JSON.parse(readFileSync(join(rig.run, 'evaluation', 'evaluation.json'), 'utf8')) as Evaluation
const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

/** Bytes of explanations that a stopped report goes on from. */
const keptBelow = (out: string): number =>
  existsSync(out)
    ? filesBelow(out)
        .filter((file) => file.endsWith('.f32'))
        .reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0)
    : 0

/** Runs the command where no file may grow beyond 24 KB, as on a disk without room. */
function fillDisk(options: ReportOptions): void {
  const before = keptBelow(options.out)
  const limited = 'ulimit -f 24; exec "$0" "$@" 2>&1'
  const { status, stdout } = spawnSync('bash', ['-c', limited, process.execPath, ...commandOf(options)], {
    encoding: 'utf8'
  })
  expect(stdout).toMatch(/^painlens: .*\.f32: cannot be written \(\w+\)\..*\[PL-STUDY-DISK\]$/m)
  expect(stdout).not.toMatch(/^ {4}at /m)
  expect(status).toBe(1)
  expect(keptBelow(options.out)).toBeGreaterThan(before)
}

describe('a report that is being made', () => {
  it('says what it takes, and of each part when it was done', () => {
    expect(rig.lines.find((line) => line.includes('explanations by'))).toMatch(
      /^\d+ explanations by 2 models under 2 composite\(s\), about \d.*; with checks and examples about \d.* up to \d+ MB of disk/
    )
    const done = rig.lines.flatMap((line) => /^([a-z ]+): (\d+) of \2, done in/.exec(line)?.[1] ?? [])
    expect(done).toEqual([
      ...['explanations', 'pixel flipping', 'shuffled weights'],
      ...['rendered faces', 'examples', 'faces to judge']
    ])
  })
})

describe('the tables of a report', () => {
  it('hold the figures of the evaluation, and those of the paper under its name', () => {
    const [own, theirs] = ['own', 'paper'].map((whose) =>
      csv('table-2').find((row) => row.label === 'pain' && row.of === whose)
    )
    expect(Number(own!.recall)).toBeCloseTo(evaluation().classes.pain!.recall!, 10)
    expect(theirs).toMatchObject({ precision: '0.62', recall: '0.69', f1: '0.66', images: '4692' })
    expect(csv('table-1').find((row) => row.label === 'neutral')).toMatchObject({
      of: 'own',
      images: '18',
      subjects: '6'
    })
  })

  it('count in figure 1 what the evaluation counts', () => {
    const { rows, columns } = evaluation().confusion
    for (const [shown, counts] of Object.entries(rows))
      for (const [i, called] of columns.slice(0, -1).entries()) {
        const cell = csv('figure-1').find((row) => row.shown === shown && row.called === called)
        expect(cell!.images, `${shown} called ${called}`).toBe(String(counts[i]))
      }
    const theirs = csv('figure-1').filter((row) => row.paper_share_of_row !== '')
    expect(theirs.map((row) => `${row.shown} ${row.called} ${row.paper_share_of_row}`)).toEqual([
      'pain pain 0.69',
      'disgust disgust 0.73',
      'happiness pain 0.28',
      'happiness happiness 0.57'
    ])
  })
})

describe('the explanations of a report', () => {
  it('are of test folds: each map is of the model that never saw the subject, and shares add up', () => {
    const rows = csv('regions').filter((row) => row.pictures === 'right' && row.explained === 'own')
    expect(new Set(rows.map((row) => row.composite))).toEqual(new Set(['lrp.z', 'lrp.sequential_preset_a_flat']))
    for (const other of ['disgust', 'happiness']) {
      const own = rows.filter((row) => row.composite === 'lrp.z' && row.other === other)
      expect(own).toHaveLength(10)
      expect(own.reduce((sum, row) => sum + Number(row.share), 0)).toBeCloseTo(1, 4)
      expect(own.reduce((sum, row) => sum + Number(row.difference), 0)).toBeCloseTo(0, 4)
    }
  })

  it('are checked: maps are counted, and each composite has its gate, its sums and its flipped pixels', () => {
    for (const row of csv('checks')) {
      expect(Number(row.maps), row.composite).toBeGreaterThanOrEqual(27)
      expect(row.not_finite).toBe('0')
      expect(Number(row.symmetric_gain)).toBeGreaterThan(-1)
      expect(['changes', 'insensitive', 'unchanged']).toContain(row.shuffled)
    }
    expect(csv('gate-follows').map((row) => row.persons)).toEqual(['2', '2'])
    expect(new Set(csv('action-units').map((row) => row.unit)).size).toBe(17)
  })

  it('hold the data’s own action units against the probability of pain, within subjects', () => {
    const rows = csv('action-unit-columns')
    expect(rows.map((row) => row.column).sort()).toEqual(['AU04', 'AU12_r', 'AU45_c'])
    const [brow, lips] = ['AU04', 'AU12_r'].map((name) => rows.find((row) => row.column === name)!)
    expect(Number(brow!.correlation)).toBeGreaterThan(0.5)
    expect(Number(lips!.correlation)).toBeLessThan(0)
    // Of six subjects all signs have to be the same.
    expect(brow).toMatchObject({ subjects: '6', p: '0.03125' })
    const text = readFileSync(page, 'utf8')
    expect(text).toMatch(
      /In the data themselves, within 6 subjects, the probability of pain goes with [^.]*AU04 \(rank/
    )
  })

  it('show examples under every composite that needs no option, all of them rendered', () => {
    const text = readFileSync(page, 'utf8')
    for (const name of plainCompositeNames) expect(text).toContain(`>${name}</text>`)
    expect(text).toContain('it shows no picture of a person')
  })
})

describe('the contrast of a report', () => {
  it('is asked of each picture against its own label, and of those of the alarm’s against each other one', () => {
    const rows = csv('regions-contrast').filter((row) => row.composite === 'lrp.z' && row.pictures === 'right')
    expect(new Set(rows.map((row) => row.other))).toEqual(new Set(['disgust', 'happiness']))
    const own = csv('regions-own').filter((row) => row.composite === 'lrp.z' && row.pictures === 'right')
    expect(rows.map((row) => row.share)).not.toEqual(own.map((row) => row.share))
    for (const row of rows) expect(Number(row.subjects)).toBeGreaterThan(1)
  })
})

describe('a report that is written again', { timeout: patience(240_000) }, () => {
  it('after an abort, a full disk and kill -9 at random moments has the same bytes as one that was never stopped', async () => {
    const out = join(rig.folder, 'stopped')
    const stop = new AbortController()
    const watch = setInterval(() => {
      if (keptBelow(out) > 0) stop.abort(new Error('stopped'))
    }, 5)
    await expect(rig.report({ out }, stop.signal)).rejects.toThrow('stopped')
    clearInterval(watch)
    // A kill may leave half a row.
    const [half] = filesBelow(out).filter((file) => file.endsWith('.f32'))
    appendFileSync(half!, 'half')
    fillDisk(rig.options({ out }))
    const random = createRandom(6)
    for (let kill = 0; kill < 3; kill++) {
      const before = keptBelow(out)
      const more = random.uniform(0, 60_000)
      await runAndKill(rig.options({ out }), random.uniform(0, 50), () =>
        kill === 2 ? existsSync(join(out, 'parts')) : keptBelow(out) > before + more
      )
      expect(keptBelow(out), `after kill ${kill + 1}`).toBeGreaterThanOrEqual(before)
    }
    const again = dirname(await rig.report({ out }))
    const names = (folder: string) =>
      filesBelow(folder)
        .map((file) => relative(folder, file))
        .sort()
    expect(names(again)).toEqual(names(dirname(page)))
    for (const name of names(again))
      expect(readFileSync(join(again, name)).equals(readFileSync(join(dirname(page), name))), name).toBe(true)
  })

  it('in German and with pictures says both, and shows crops of the data', async () => {
    const out = join(rig.folder, 'bericht')
    const text = readFileSync(
      await rig.report({ out, language: 'de', withPictures: true, faces: 1, composites: ['lrp.z'] }),
      'utf8'
    )
    expect(text).toContain('<html lang="de">')
    expect(text).toContain('Dieser Bericht zeigt Bilder seines Datensatzes')
    // Pictures are letters of any kind.
    expect(text.replaceAll(/base64,[^"]*/g, '')).not.toMatch(/undefined|NaN|\[object/)
    expect(text).toMatch(/Trefferquote[\s\S]*Schmerz − Ekel/)
    const judged = (file: string): number =>
      (JSON.parse(/id="quiz">(.*?)<\/script>/.exec(readFileSync(file, 'utf8'))![1]!) as { faces: unknown[] }).faces
        .length
    expect(judged(join(out, 'training.html'))).toBeGreaterThan(judged(join(dirname(page), 'training.html')))
  })
})

describe('the files of a report', () => {
  it('are readable by their owner only', () => {
    const open = filesBelow(dirname(page)).filter((file) => (statSync(file).mode & 0o077) !== 0)
    expect(open).toEqual([])
  })

  it('are named below each table and figure, and are there', async () => {
    const named = [...readFileSync(page, 'utf8').matchAll(/href="(parts\/[^"]+)"/g)].map(([, name]) => name!)
    expect(named.length).toBeGreaterThan(8)
    for (const name of named) expect(statSync(join(dirname(page), name)).size, name).toBeGreaterThan(40)
    const there = readdirSync(join(dirname(page), 'parts')).map((name) => `parts/${name}`)
    expect(there.filter((name) => !named.includes(name))).toEqual([])
  })

  it('have letters as outlines, so that they need no fonts', async () => {
    const svg = readFileSync(join(dirname(page), 'parts', 'figure-1.svg'), 'utf8')
    expect(svg).not.toMatch(/<text|NaN|undefined/)
    const { data, info } = await sharp(join(dirname(page), 'parts', 'figure-1.png'))
      .raw()
      .toBuffer({ resolveWithObject: true })
    expect(info.width).toBeGreaterThan(600)
    expect(new Set(data).size).toBeGreaterThan(20)
  })
})

describe('a report of labels of which no face can be drawn', { timeout: patience(120_000) }, () => {
  it('says so, and has no page for staff without a face on it', async () => {
    const names: Record<string, string> = { pain: 'ache', disgust: 'fear', happiness: 'sleep', neutral: 'neutral' }
    const own = join(rig.folder, 'own-labels')
    cpSync(rig.data, own, { recursive: true })
    const [header, ...rows] = readFileSync(join(own, 'index.csv'), 'utf8').trimEnd().split('\n')
    const renamed = rows.map((row) => row.split(',').map((cell, i) => (i === 2 ? names[cell]! : cell)))
    writeFileSync(join(own, 'index.csv'), `${[header, ...renamed].join('\n')}\n`)
    const usual = trainOptions({ ...rig, data: own, base: join(rig.folder, 'base.yaml') }, 'own-run', {
      alarmLabel: 'ache'
    })
    const recipe = { ...usual.recipe, epochs: 1 }
    await trainStudy({ ...usual, folds: 2, views: 1, recipe }, () => undefined, new AbortController().signal)
    const out = join(rig.folder, 'own-report')
    mkdirSync(out)
    writeFileSync(join(out, 'training.html'), 'of an earlier report')
    const small = { run: usual.out, out, pictures: 2, composites: ['lrp.z'] }
    const written = readFileSync(await rig.report(small), 'utf8')
    expect(written).toContain('No face of ache, fear or sleep can be drawn')
    expect(written).not.toContain('None of these faces')
    // Of these labels the paper has no figures.
    expect(written).not.toContain('Grey rows are')
    expect(written).not.toContain('training.html')
    expect(existsSync(join(out, 'training.html'))).toBe(false)
  })
})

describe.skipIf(chromiumPath === null)('a report in Chromium', { timeout: patience(60_000) }, () => {
  it('shows all its sections without an error and without asking the network', async () => {
    const browser = await openChromium()
    try {
      const tab = await browser.newPage()
      const said: string[] = []
      tab.on('console', (message) => said.push(message.text()))
      tab.on('pageerror', (error) => said.push(error.message))
      tab.on('request', (request) => {
        if (!/^(file|data):/.test(request.url())) said.push(request.url())
      })
      await tab.goto(`file://${page}`)
      expect(await tab.locator('section h2').allTextContents()).toEqual(await tab.locator('nav a').allTextContents())
      expect(await tab.locator('#table-2 tbody tr').count()).toBe(7)
      expect(await tab.locator('#figure-1 svg').isVisible()).toBe(true)
      const overflow = await tab.evaluate('document.documentElement.scrollWidth - innerWidth')
      expect(overflow).toBeLessThanOrEqual(0)
      // A4 within margins: nothing is cut off to the right, and no figure is higher than a page.
      await tab.setViewportSize({ width: 680, height: 1009 })
      await tab.emulateMedia({ media: 'print' })
      expect(await tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(680)
      expect(
        await tab.evaluate('Math.max(...[...document.querySelectorAll("figure svg")].map((one) => one.clientHeight))')
      ).toBeLessThan(900)
      expect(said).toEqual([])
    } finally {
      await browser.close()
    }
  })

  it('has a page for staff: a face is judged by key or finger, then explained, and the score adds up', async () => {
    const browser = await openChromium()
    try {
      const context = await browser.newContext({ hasTouch: true, viewport: { width: 390, height: 800 } })
      const tab = await context.newPage()
      const said: string[] = []
      tab.on('console', (message) => said.push(message.text()))
      tab.on('pageerror', (error) => said.push(error.message))
      tab.on('request', (request) => {
        if (!/^(file|data):/.test(request.url())) said.push(request.url())
      })
      await tab.goto(`file://${join(dirname(page), 'training.html')}`)
      const text = (): Promise<string> => tab.locator('main').innerText()
      expect(await text()).toMatch(/1 \/ 15/)
      // The answer is not given away before the face is judged.
      expect(await tab.locator('.heatmap').count()).toBe(0)
      await tab.keyboard.press('2')
      expect(await text()).toMatch(
        /This face shows: (pain|disgust|happiness)\.[\s\S]*You said: disgust\.[\s\S]*The model says: /
      )
      expect(await tab.locator('.heatmap').isVisible()).toBe(true)
      // As with Caps Lock: the button says H.
      await tab.keyboard.press('H')
      expect(await tab.locator('.heatmap').isVisible()).toBe(false)
      await tab.keyboard.down('Enter')
      // Held down, it repeats, and would judge each face by the first button.
      for (let i = 0; i < 3; i++) await tab.keyboard.down('Enter')
      await tab.keyboard.up('Enter')
      expect(await text()).toMatch(/2 \/ 15/)
      for (let i = 1; i < 15; i++) {
        await tab.locator('main button').nth(0).tap()
        await tab.locator('main button.main').tap()
      }
      await tab.locator('main table').waitFor()
      const rows = await tab
        .locator('main tr')
        .evaluateAll((lines) =>
          lines.map((line) =>
            [...(line as { children: Iterable<{ textContent: string }> }).children].map((cell) => cell.textContent)
          )
        )
      const [head, ...body] = rows
      const all = body.pop()!
      expect(head).toEqual(['shown', 'faces', 'you', 'model'])
      expect(body.map(([name, faces]) => [name, faces])).toEqual([
        ['pain', '5'],
        ['disgust', '5'],
        ['happiness', '5']
      ])
      for (const i of [1, 2, 3]) expect(body.reduce((sum, row) => sum + Number(row[i]), 0)).toBe(Number(all[i]))
      expect(Number(body[0]![2])).toBeGreaterThanOrEqual(4)
      expect(said).toEqual([])
    } finally {
      await browser.close()
    }
  })
})
