/** `npm run pictures`: the pictures of docs/operate/page, taken of the real page in Chromium, with an invented ward. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import sharp from 'sharp'
import { systemClock } from '#painlens/core/clock.js'
import { silentLog } from '#painlens/core/log.js'
import { packageRoot } from '#painlens/core/version.js'
import { createRandom } from '#painlens/lib/random.js'
import { type PageOptions, startPage } from '#painlens/page/index.js'
import { createIdentity, createScene, expressionUnits, randomPose } from '#painlens/show/render/index.js'
import { blackOut, maskSpans } from '#painlens/stages/camera/masks.js'
import { openChromium } from './chromium.js'
import { writeNight } from './night.js'
import { fillWard, finder, lamps, tiles, way } from './ward.js'

const folder = join(packageRoot, 'docs/operate/page')
const tokens = { ward: 'ward-token-of-pictures', technician: 'technician-token-of-pictures' }
const widths = { 360: 800, 1920: 1080 }
/** Of a file. */
const mostWidth = 1280
const texts = {
  de: {
    night: 'Heute Nacht',
    before: 'Die Nacht davor',
    comfortable: 'Fühlt sich jetzt wohl',
    resting: 'Ruhegesicht: neu aufnehmen',
    technician: 'Technik',
    look: 'Bild 10 min lang zeigen',
    edit: 'Masken und Zonen bearbeiten'
  },
  en: {
    night: 'Tonight',
    before: 'The night before',
    comfortable: 'Is comfortable now',
    resting: 'Resting face: take anew',
    technician: 'Technician',
    look: 'Show the picture for 10 min',
    edit: 'Edit masks and zones'
  }
} as const
type Language = keyof typeof texts

/** What is pressed, one after the other, to come to a screen. */
const screens = {
  ward: async () => undefined,
  comfortable: async (page, { comfortable, resting }) => {
    await page.locator('.lamp', { hasText: '11' }).click()
    await page.getByRole('button', { name: resting }).click()
    await page.getByRole('dialog').getByRole('heading', { name: comfortable }).waitFor()
  },
  night: async (page, { night, before }) => {
    await page.getByRole('button', { name: night }).click()
    await page.getByRole('button', { name: before }).click()
    await page.getByRole('table').first().waitFor()
  },
  technician: async (page, { technician, look }) => {
    await page.getByRole('button', { name: technician }).click()
    await page.getByRole('button', { name: look }).first().click()
    await pictureOf(page)
  },
  editor: async (page, { technician, look, edit }) => {
    await page.getByRole('button', { name: technician }).click()
    await page.getByRole('button', { name: edit }).first().click()
    await page.getByRole('button', { name: look }).first().click()
    await pictureOf(page)
    await page.keyboard.press('Tab')
    await page.locator('.corner').first().focus()
  }
} satisfies Record<string, (page: Page, words: (typeof texts)[Language]) => Promise<unknown>>

/** It has no height before it is there. */
const pictureOf = (page: Page) => page.locator('.picture img[src^=blob]').waitFor()

/** A rendered resident, as a camera sees one. */
async function resident() {
  const size = { width: 1280, height: 720 }
  const random = createRandom(12)
  const identity = createIdentity(42)
  const scene = await createScene({ ...size, identity, centre: { x: 520, y: 300 }, faceSize: 170 })
  const pose = randomPose(random)
  const { data, box, landmarks } = await scene.render({ units: expressionUnits('pain', 0.8, random), pose, noise: 3 })
  const picture = { x: 0, y: 0, ...size }
  blackOut(data, maskSpans(tiles[0]!.masks, size, picture))
  return { ...size, picture, data, faces: [{ box, roll: pose.roll, whyNot: null, landmarks }] }
}

async function servePage(own: string) {
  const seen = await resident()
  const nothing = async (): Promise<void> => undefined
  const pictures: PageOptions['pictures'] = {
    view: async () => seen,
    isPaused: () => false,
    cameras: () => tiles.map(({ camera }) => camera)
  }
  const page = await startPage({
    ...{
      host: '127.0.0.1',
      port: 0,
      tokens,
      device: 'box-1',
      others: ['box-2'],
      folder: own,
      historyDays: 14,
      heatmaps: true
    },
    ...{
      pictures,
      cameras: () => [...tiles],
      lamps: () => [...lamps],
      way,
      finder,
      log: silentLog,
      clock: systemClock
    },
    actions: { acknowledge: nothing, pause: nothing, resume: nothing, takeReference: nothing, removeReference: nothing }
  })
  const { width, height, data } = seen
  const face = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(320)
    .png()
    .toBuffer()
  fillWard(page, face)
  return page
}

async function logIn(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await page.locator('input').first().fill('Schwester K.')
  await page.locator('input[type=password]').fill(tokens.technician)
  await page.keyboard.press('Enter')
  await page.locator('.lamp').first().waitFor()
}

/** Few colours keep the files small. */
async function take(browser: Browser, url: string, language: Language, width: keyof typeof widths): Promise<void> {
  for (const [screen, come] of Object.entries(screens)) {
    const context = await browser.newContext({
      ...{ locale: language, viewport: { width, height: widths[width] }, reducedMotion: 'reduce' },
      colorScheme: width === 360 ? 'dark' : 'light'
    })
    try {
      const page = await context.newPage()
      await logIn(page, url)
      await come(page, texts[language])
      const shown = screen === 'editor' ? page.locator('li.wide') : page.locator('body')
      const shot = await shown.screenshot()
      const size = { width: mostWidth, withoutEnlargement: true }
      const png = await sharp(shot).resize(size).png({ palette: true, colours: 48, effort: 10 }).toBuffer()
      await writeFile(join(folder, `${screen}-${width}-${language}.png`), png)
    } finally {
      await context.close()
    }
  }
}

const own = await mkdtemp(join(tmpdir(), 'painlens-pictures-'))
await writeNight(own)
const page = await servePage(own)
const browser = await openChromium()
try {
  await mkdir(folder, { recursive: true })
  for (const language of ['de', 'en'] as const)
    for (const width of [360, 1920] as const) await take(browser, page.stats().address!, language, width)
} finally {
  await browser.close()
  await page.stop()
  await rm(own, { recursive: true, force: true })
}
