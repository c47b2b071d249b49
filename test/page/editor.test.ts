/** The editor of masks and zones in a real browser: by keyboard alone, by mouse, by taps, and what the config makes of it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { loadConfig } from '../../src/config/index.js'
import type { CameraTile } from '../../src/page/index.js'
import { chromiumPath, openChromium } from '../support/browser.js'
import { patience } from '../support/slowness.js'
import { expectAccessible } from './accessible.js'
import { folder, logIn, servePage, tokens } from './rig.js'

let browser: Browser
beforeAll(async () => {
  if (chromiumPath !== null) browser = await openChromium()
})
afterAll(() => browser?.close())

const bed = [
  [0.15, 0.3],
  [0.7, 0.3],
  [0.7, 0.95],
  [0.15, 0.95]
] as const
const camera: CameraTile = {
  camera: 'room-312',
  state: 'ok',
  fps: 5,
  damaged: 0,
  usable_share: 0.8,
  problem: null,
  decoder: 'software',
  masks: [],
  zones: [{ name: 'bed', polygon: bed }]
}

/** The technician's screen of a box with that camera. */
async function openTechnician(options: Parameters<Browser['newContext']>[0] = {}) {
  const { url } = await servePage({ cameras: () => [camera] })
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 900 }, ...options })
  context.setDefaultTimeout(patience(20_000))
  onTestFinished(() => context.close())
  const [cookie, value] = (await logIn(url, tokens.technician, 'T.')).split('=') as [string, string]
  await context.addCookies([{ name: cookie, value, url }])
  const page = await context.newPage()
  await page.goto(url)
  await page.getByRole('button', { name: /^(Technician|Technik)$/ }).waitFor()
  return page
}
type Shown = Awaited<ReturnType<typeof openTechnician>>

async function openEditor(options: Parameters<Browser['newContext']>[0] = {}): Promise<Shown> {
  const page = await openTechnician(options)
  await page.getByRole('button', { name: /^(Technician|Technik)$/ }).click()
  await page.getByRole('button', { name: /^(Edit masks|Masken und Zonen bearbeiten)/ }).click()
  return page
}

const linesOf = (page: Shown): Promise<string> => page.getByLabel('For the config file').inputValue()

/** What the loader makes of a file with these lines. */
async function loaded(lines: string) {
  const file = join(folder(), 'painlens.yaml')
  const before =
    'device: d\nmqtt: { url: "mqtt://192.0.2.2" }\ncameras:\n  - id: room-312\n    url: rtsp://192.0.2.10/s\n'
  writeFileSync(file, before + lines, { mode: 0o600 })
  const { masks, zones } = (await loadConfig(file)).config.cameras[0]!
  return { masks, zones }
}

async function tabTo(page: Shown, name: string | RegExp): Promise<void> {
  const target = page.getByRole('button', { name }).first()
  await target.waitFor()
  for (let i = 0; i < 60; i++) {
    if (await target.evaluate((one) => one.matches(':focus'))) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`${name} cannot be reached by Tab`)
}

describe.skipIf(chromiumPath === null)('the editor of masks and zones', { timeout: patience(120_000) }, () => {
  it('draws a mask by the keyboard alone, and the config loader reads what was drawn', async () => {
    const page = await openTechnician()
    for (const name of ['Technician', 'Edit masks and zones', 'New mask']) {
      await tabTo(page, name)
      await page.keyboard.press('Enter')
    }
    const focused = page.locator(':focus')
    await page.getByRole('button', { name: /^Mask 1, corner 1/ }).waitFor()
    expect(await focused.getAttribute('aria-label')).toMatch(/^Mask 1, corner 1: 30 % from the left, 30 % from the top/)
    for (let i = 0; i < 2; i++) await page.keyboard.press('Shift+ArrowLeft')
    await page.keyboard.press('ArrowUp')
    expect(await page.getByRole('status').innerText()).toBe('20 % from the left, 29.5 % from the top')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Delete')
    const three = [
      [0.2, 0.295],
      [0.7, 0.7],
      [0.3, 0.7]
    ]
    expect(await loaded(await linesOf(page))).toEqual({ masks: [three], zones: [{ name: 'bed', polygon: bed }] })

    await page.keyboard.press('Delete')
    expect(await page.getByRole('status').innerText()).toMatch(/^An outline needs three corners/)
    await page.keyboard.press('Control+z')
    expect((await loaded(await linesOf(page))).masks[0]).toHaveLength(4)
    await page.keyboard.press('Control+Shift+z')
    expect((await loaded(await linesOf(page))).masks).toEqual([three])
  })

  it('moves a corner by dragging and by two taps, refuses crossing sides with a sentence, and undoes', async () => {
    const page = await openEditor()
    const stage = (await page.locator('.outlines').boundingBox())!
    const at = ([x, y]: readonly [number, number]) => [stage.x + x * stage.width, stage.y + y * stage.height] as const
    const drag = async (from: readonly [number, number], ...way: (readonly [number, number])[]): Promise<void> => {
      await page.mouse.move(...at(from))
      await page.mouse.down()
      for (const place of way) await page.mouse.move(...at(place), { steps: 3 })
      await page.mouse.up()
    }
    const zone = async () => (await loaded(await linesOf(page))).zones[0]!.polygon
    await drag(bed[0], [0.05, 0.1])
    const dragged = await zone()
    expect(dragged[0]![0]).toBeCloseTo(0.05, 2)
    expect(dragged[0]![1]).toBeCloseTo(0.1, 2)
    await page.mouse.click(...at(bed[1]))
    await page.mouse.click(...at([0.9, 0.2]))
    const tapped = await zone()
    expect(tapped[1]![0]).toBeCloseTo(0.9, 2)
    expect(tapped[0]).toEqual(dragged[0])

    await page.mouse.click(...at(bed[2]))
    await page.mouse.click(...at([0.5, 0.02]))
    expect(await page.getByRole('status').innerText()).toMatch(/would touch or cross/)
    expect(await zone()).toEqual(tapped)
    for (let i = 0; i < 2; i++) await page.getByRole('button', { name: 'Undo' }).click()
    expect(await zone()).toEqual(bed)
  })

  it('gives no lines while two zones have one name', async () => {
    const page = await openEditor()
    await page.getByRole('button', { name: 'New zone' }).click()
    await page.getByLabel('Name of the zone').fill('bed')
    expect(await page.getByRole('status').innerText()).toBe('Another zone has the name bed already.')
    expect(await page.getByLabel('For the config file').count()).toBe(0)
    await page.getByLabel('Name of the zone').fill('chair: "by the window" #1')
    expect((await loaded(await linesOf(page))).zones.map(({ name }) => name)).toEqual([
      'bed',
      'chair: "by the window" #1'
    ])
  })

  it.each(['en-GB', 'de-DE'])(
    'is accessible and fits at every width, with targets of 44 px for fingers: %s',
    async (locale) => {
      for (const width of [360, 1280, 1920]) {
        const hasTouch = width === 360
        const options = { locale, viewport: { width, height: 900 }, hasTouch, isMobile: hasTouch }
        const page = await openEditor(options)
        await page.locator('button.new').click()
        await page.locator('.corner').nth(4).waitFor()
        await expectAccessible(page, `editor, ${locale}, ${width} px`)
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
        const corner = (await page.locator('.corner').first().boundingBox())!
        expect(Math.min(corner.width, corner.height)).toBeGreaterThanOrEqual(hasTouch ? 44 : 24)
      }
    }
  )
})
