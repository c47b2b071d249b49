/** The report of a run, from the folder to the page in a browser. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Papa from 'papaparse'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Evaluation } from '../../../src/study/evaluate/evaluation.js'
import { chromiumPath, openChromium } from '../../support/browser.js'
import { patience } from '../../support/slowness.js'
import { type ReportRig, reportRig } from './report-rig.js'

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
      expect(said).toEqual([])
    } finally {
      await browser.close()
    }
  })
})
