/** The page in a real browser: what it shows, in both languages, at three widths, for keyboard and screen reader. */
import type { Browser, BrowserContext, Page as BrowserPage } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { InputError } from '../../src/core/errors.js'
import { chromiumPath, openChromium } from '../support/browser.js'
import { freePort } from '../support/mosquitto.js'
import { patience, until } from '../support/slowness.js'
import { expectAccessible } from './accessible.js'
import { fillWard, nightRows, writeNight } from './example-ward.js'
import {
  cameraState,
  folder,
  health,
  heard,
  logIn,
  pageDefaults,
  painAlarm,
  room,
  servePage,
  status,
  technicalAlarm,
  tokens
} from './rig.js'

let browser: Browser
beforeAll(async () => {
  if (chromiumPath !== null) browser = await openChromium()
})
afterAll(() => browser?.close())

const wait = { timeout: patience(20_000) }

async function newContext(options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> {
  const context = await browser.newContext({ locale: 'en-GB', ...options })
  context.setDefaultTimeout(patience(20_000))
  onTestFinished(() => context.close())
  return context
}

/** A browser that is logged in. */
async function openPage(
  url: string,
  options: Parameters<Browser['newContext']>[0] = {},
  name = 'Schwester K.',
  token?: string
) {
  const context = await newContext(options)
  const [cookie, value] = (await logIn(url, token, name)).split('=') as [string, string]
  await context.addCookies([{ name: cookie, value, url }])
  const page = await context.newPage()
  await page.goto(url)
  return page
}

/** Errors of scripts, and what the page's policy refuses. */
function hearComplaints(page: BrowserPage, complaints: string[]): void {
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) complaints.push(message.text())
  })
}

const saidFalse = { by: 'Pfleger M.', at: new Date().toISOString(), kind: 'false_alarm' } as const

const lampOf = (page: BrowserPage, place: string) =>
  page.getByRole('button', { name: new RegExp(`^(Room|Zimmer) ${place}`) })

describe.skipIf(chromiumPath === null)('the page in a browser', { timeout: patience(120_000) }, () => {
  it.each(['en-GB', 'de-DE'])(
    'is accessible and fits, logged out and in, at every width, light and dark: %s',
    async (locale) => {
      const { page, url } = await servePage()
      fillWard(page)
      const complaints: string[] = []
      for (const [width, colorScheme] of [
        [360, 'light'],
        [1280, 'dark'],
        [1920, 'light']
      ] as const) {
        const at = `${locale}, ${width} px, ${colorScheme}`
        const options = { locale, colorScheme, viewport: { width, height: 900 } }
        const out = await (await newContext(options)).newPage()
        hearComplaints(out, complaints)
        await out.goto(url)
        await out.getByRole('textbox').first().waitFor()
        await expectAccessible(out, `login, ${at}`)
        const ward = await openPage(url, options)
        await ward.getByRole('article').first().waitFor()
        await expectAccessible(ward, `ward, ${at}`)
        for (const shown of [out, ward])
          expect(await shown.evaluate('document.documentElement.scrollWidth'), at).toBeLessThanOrEqual(width)
        const small = await ward.evaluate(
          "[...document.querySelectorAll('button, input')].filter((one) => one.getBoundingClientRect().height < 44).length"
        )
        expect(small, `${at}: controls of less than 44 px`).toBe(0)
        expect(await ward.locator('html').getAttribute('lang')).toBe(locale.slice(0, 2))
      }
      expect(complaints).toEqual([])
    }
  )

  it('shows each state by words, a sign and a class of its own, and names the demonstration model', async () => {
    const { page, url } = await servePage()
    fillWard(page)
    const shown = await openPage(url)
    await lampOf(shown, '12').waitFor()
    for (const [place, text] of [
      ['11', 'watched'],
      ['12', 'pain suspected'],
      ['13', 'unknown: picture dark'],
      ['14', 'no face in the picture'],
      ['16', 'paused for care until'],
      ['21', 'unknown: box is off']
    ] as const)
      expect(await lampOf(shown, place).innerText(), place).toContain(text)
    expect(await lampOf(shown, '13').getAttribute('class')).toMatch(/unknown/)
    expect(await shown.getByText('Demonstration model: it says nothing about people.').count()).toBe(1)
    expect(await shown.getByText('It does not replace the nurse call.').count()).toBe(1)
    expect(await shown.getByRole('article').allInnerTexts()).toEqual([
      expect.stringMatching(/HIGH\s+Pain suspected, room 12/),
      expect.stringMatching(/MEDIUM\s+Camera/),
      expect.stringMatching(/HIGH[\s\S]*ended[\s\S]*not acknowledged yet/)
    ])
  })

  it('is used by the keyboard alone: log in, acknowledge, pause', async () => {
    const { page, url, asked } = await servePage()
    fillWard(page)
    const shown = await (await newContext()).newPage()
    await shown.goto(url)
    await shown.getByRole('textbox', { name: 'Your name' }).waitFor()
    const press = async (name: string | RegExp): Promise<void> => {
      const target = shown.getByRole('button', { name }).first()
      await target.waitFor()
      for (let i = 0; i < 60; i++) {
        if (await target.evaluate((one) => one.matches(':focus'))) return shown.keyboard.press('Enter')
        await shown.keyboard.press('Tab')
      }
      throw new Error(`${name} cannot be reached by Tab`)
    }
    await shown.keyboard.press('Tab')
    expect(await shown.evaluate('document.activeElement.textContent.trim()')).toBe('To the content')
    await shown.keyboard.press('Enter')
    await shown.keyboard.press('Tab')
    await shown.keyboard.type('Schwester K.')
    await shown.keyboard.press('Tab')
    await shown.keyboard.type('ward-token-0123456789')
    await shown.keyboard.press('Enter')
    await press('I am coming')
    await press(/^Room 12/)
    await press('15 min')
    await shown.getByRole('dialog').waitFor({ state: 'detached' })
    expect(asked).toEqual([
      { what: 'acknowledge', args: ['box-1', 'pain-12', 'Schwester K.', 'coming'] },
      { what: 'pause', args: ['box-1', 'room-12', 900, 'Schwester K.'] }
    ])
  })

  it('keeps the picture of an explanation hidden until it is asked for', async () => {
    const { page, url } = await servePage()
    fillWard(page)
    const shown = await openPage(url)
    const button = shown.getByRole('button', { name: 'Show what the model looked at' })
    await button.waitFor()
    expect(await shown.locator('.heatmap img').count()).toBe(0)
    await button.click()
    await shown.waitForFunction("document.querySelector('.heatmap img')?.naturalWidth > 0")
  })

  it('shows a hostile name and room as text that turns nothing else', async () => {
    const { page, url } = await servePage()
    const hostile = '<img src=x onerror="document.title=1">\u202egnp.exe'
    page.heard(status('box-1'))
    page.heard(heard('box-1', 'health', health({ bed: { location: room(hostile, hostile) } })))
    const ack = { by: hostile, at: 'never', kind: 'seen' } as const
    const text = { en: hostile, de: hostile }
    page.heard(heard('box-1', 'alarm', painAlarm(hostile, 0, 'bed', { ack, text })))
    const shown = await openPage(url)
    await shown.getByRole('article').waitFor()
    expect(await shown.getByText(hostile).count()).toBeGreaterThan(2)
    expect(await shown.locator('#page img').count()).toBe(0)
    expect(await shown.title()).toMatch(/^painlens/)
    expect(await shown.getByRole('article').locator('bdi').innerText()).toBe(hostile)
  })

  it('takes every lamp for unknown 10 s after the last event, and is live again when the box is back', async () => {
    const own = folder()
    const port = await freePort()
    const first = await servePage({ folder: own, port })
    fillWard(first.page)
    const shown = await openPage(first.url)
    await lampOf(shown, '11').getByText('watched').waitFor(wait)
    await first.page.stop()
    await shown.getByRole('alert').getByText('Connection lost').waitFor(wait)
    expect(await shown.locator('.lamp').count()).toBeGreaterThan(3)
    expect(await shown.locator('.lamp:not(.unknown)').count()).toBe(0)
    expect(await lampOf(shown, '21').innerText()).toContain('unknown: connection lost')
    const second = await servePage({ folder: own, port })
    second.page.heard(status('box-1'))
    second.page.heard(heard('box-1', 'health', health({ 'room-11': { location: room('11') } })))
    await lampOf(shown, '11').getByText('watched').waitFor(wait)
    expect(await shown.getByRole('alert').count()).toBe(0)
  })

  it('says that alarms do not get through while the broker is away', async () => {
    const { page, url } = await servePage()
    page.heard(status('box-1'))
    page.heard(heard('box-1', 'health', health({ bed: {} })))
    page.linked({ broker: false, others: true, unreadable: new Set() })
    const shown = await openPage(url)
    await shown.getByRole('alert').getByText('The broker cannot be reached').waitFor(wait)
    page.linked({ broker: true, others: true, unreadable: new Set() })
    await shown.getByRole('alert').waitFor({ state: 'detached' })
  })

  it.each(['en-GB', 'de-DE'])(
    "shows the technician's tiles, accessible and fitting at every width: %s",
    async (locale) => {
      const camera = {
        camera: 'bed',
        state: 'dark',
        fps: 5,
        damaged: 2,
        usable_share: 0.8,
        problem: 'dark',
        decoder: 'software',
        masks: [],
        zones: []
      } as const
      const size = { width: 160, height: 90 }
      const face = { box: { x: 40, y: 20, width: 30, height: 40 }, roll: 10, whyNot: 'small' } as const
      let paused = false
      const view = async () => ({
        ...size,
        picture: { x: 0, y: 0, ...size },
        data: new Uint8Array(160 * 90 * 3),
        faces: [face]
      })
      const pictures = { view, isPaused: () => paused, cameras: () => ['bed'] }
      const { page, url } = await servePage({ pictures, cameras: () => [camera] })
      page.heard(status('box-1'))
      page.heard(heard('box-1', 'health', health({ bed: {} }, { demonstration: true })))
      for (const width of [360, 1280, 1920]) {
        paused = false
        const shown = await openPage(url, { locale, viewport: { width, height: 900 } }, 'Techniker', tokens.technician)
        await shown.getByRole('button', { name: /^(Technician|Technik)$/ }).click()
        await shown.getByRole('button', { name: /10 min/ }).click()
        await shown.getByText(/(zu klein|too small)/).waitFor()
        await shown.waitForFunction("document.querySelector('.picture img').naturalWidth === 160")
        expect(await shown.locator('.banner').innerText()).toMatch(/^Demonstration/)
        await expectAccessible(shown, `technician, ${locale}, ${width} px`)
        expect(await shown.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
        // Letter below letter, a word is unreadable.
        const tall = "[...document.querySelectorAll('dd')].filter((one) => one.clientHeight > 80).length"
        expect(await shown.evaluate(tall), `${width} px: figures of more than three lines`).toBe(0)
        paused = true
        await shown.getByRole('alert').waitFor(wait)
        expect(await shown.locator('.picture').count()).toBe(0)
      }
    }
  )

  it.each(['en-GB', 'de-DE'])(
    'shows a night as lanes and as a table of the same, accessible and fitting at every width: %s',
    async (locale) => {
      const own = folder()
      writeNight(own)
      const { page, url } = await servePage({ folder: own })
      page.heard(status('box-1'))
      const complaints: string[] = []
      for (const width of [360, 1280, 1920]) {
        const shown = await openPage(url, { locale, timezoneId: 'UTC', viewport: { width, height: 900 } })
        hearComplaints(shown, complaints)
        await shown.getByRole('button', { name: /^(Tonight|Heute Nacht)$/ }).click()
        await shown.getByRole('button', { name: /(night before|Nacht davor)/ }).click()
        const table = shown.getByRole('table', { name: /^(What has been|Was war)/ })
        await table.waitFor()
        await expectAccessible(shown, `night, ${locale}, ${width} px`)
        expect(await shown.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
        const answers = shown.getByRole('table', { name: /^(What was said|Was zu den Alarmen)/ }).getByRole('row')
        expect((await answers.last().innerText()).replace(/\s+/g, ' ')).toBe(
          locale === 'de-DE' ? 'Zimmer 12, Bett A 1 0 0 1' : 'Room 12, Bed A 1 0 0 1'
        )
        expect(await shown.locator('.advice li').innerText()).toMatch(/: (Too few answers|Zu wenige Antworten)/)
        const rows = await table.getByRole('row').allInnerTexts()
        expect(rows.slice(1).map((row) => row.replace(/\s+/g, ' '))).toEqual(
          nightRows[locale.slice(0, 2) as 'en' | 'de']
        )
        // A span that is not known is not drawn: the hatched ground shows.
        expect(await shown.locator('.lane .watched').first().getAttribute('d')).toMatch(/^M0\.00 9H360\.00V/)
        const csv = await shown.evaluate(
          "fetch(document.querySelector('a.button').href).then((answer) => answer.text())"
        )
        expect(csv).toContain('paused')
      }
      expect(complaints).toEqual([])
    }
  )

  it('takes and removes a resting face after a question, by the keyboard, and says how it ended, in both languages', async () => {
    const ends: ((error?: Error) => void)[] = []
    const removed: unknown[] = []
    const { page, url } = await servePage({
      actions: {
        ...pageDefaults().actions,
        takeReference: () => new Promise((done, fail) => ends.push((error) => (error ? fail(error) : done(null)))),
        removeReference: async (...args) => void removed.push(args)
      }
    })
    fillWard(page)
    const complaints: string[] = []
    const shown = await openPage(url, { viewport: { width: 360, height: 900 } })
    hearComplaints(shown, complaints)
    const check = async (at: string): Promise<void> => {
      await expectAccessible(shown, at)
      expect(await shown.evaluate('document.documentElement.scrollWidth'), at).toBeLessThanOrEqual(360)
      const small = "[...document.querySelectorAll('dialog button')].filter((one) => one.clientHeight < 42).length"
      expect(await shown.evaluate(small), at).toBe(0)
    }
    const dialog = shown.getByRole('dialog')
    const press = (name: string | RegExp) => dialog.getByRole('button', { name }).press('Enter')
    const open = async (place: string): Promise<void> => {
      await lampOf(shown, place).press('Enter')
      await press(/^(Is comfortable now|Fühlt sich jetzt wohl|Resting face:|Ruhegesicht:)/)
      await dialog.getByRole('heading', { name: new RegExp(`(now|wohl): \\w+ ${place}`) }).waitFor()
    }
    await lampOf(shown, '11').getByText('resting face').waitFor()
    await lampOf(shown, '18').press('Enter')
    await dialog.getByText('Pause for care').first().waitFor()
    expect(await dialog.getByRole('button', { name: /comfortable/ }).count()).toBe(0)
    await shown.keyboard.press('Escape')

    await open('11')
    expect(await dialog.innerText()).toMatch(/by Pfleger M\.[\s\S]*in use[\s\S]*quieter at this bed[\s\S]*always there/)
    await check('the question')
    await press('Nothing hurts: take the resting face')
    await dialog.getByRole('progressbar').waitFor()
    await check('while it is taken')
    ends[0]!(new InputError('PL-REFERENCE-PAIN', 'shows pain', 'camera room-11'))
    await dialog.getByRole('alert').getByText('The face looks like pain').waitFor()
    await press('Nothing hurts: try again')
    await until(() => ends.length === 2, 'the second try')
    ends[1]!()
    await dialog.getByText('Taken. From now on').waitFor()
    await press('Remove …')
    await dialog.getByText('may alarm more often').waitFor()
    expect(removed).toEqual([])
    await press('Remove the resting face')
    await until(() => removed.length === 1, 'the removal')
    expect(removed).toEqual([['box-1', { camera: 'room-11', by: 'Schwester K.' }]])
    await press('Close')
    expect(await lampOf(shown, '11').evaluate((one) => one.matches(':focus'))).toBe(true)

    // An alarm says pain: none is taken before it is said to be false.
    await open('12')
    await dialog.getByText('An alarm for pain is open here').waitFor()
    expect(await dialog.getByRole('button', { name: /hurts/ }).count()).toBe(0)
    page.heard(heard('box-1', 'alarm', painAlarm('pain-12', 1, 'room-12', { phase: 'update', ack: saidFalse })))
    await dialog.getByRole('button', { name: /hurts/ }).waitFor()
    await press('Close')

    await shown.getByRole('button', { name: 'Deutsch' }).press('Enter')
    await lampOf(shown, '17').getByText('Ruhegesicht ausgesetzt').waitFor()
    await open('17')
    const take = dialog.getByRole('button', { name: 'Nichts tut weh' })
    expect(await take.isDisabled()).toBe(true)
    await press('right')
    expect(await take.isDisabled()).toBe(false)
    await check('two beds, de')
    await take.press('Enter')
    await press('Schließen')
    await shown.getByText('Das Gesicht wird angesehen').waitFor()
    ends[2]!(new InputError('PL-REFERENCE-SEVERAL', 'several', 'camera room-17'))
    await shown.getByRole('alert').getByText('Mehrere Gesichter').waitFor()
    await check('the ward with a refusal, de')
    await shown.getByRole('button', { name: 'Ausblenden' }).press('Enter')
    await shown.getByText('Mehrere Gesichter').waitFor({ state: 'detached' })
    expect(complaints).toEqual([])
  })

  it("does not take a camera's own alarm for pain", async () => {
    const { page, url } = await servePage()
    page.heard(status('box-1'))
    page.heard(heard('box-1', 'health', health({ bed: {} })))
    page.heard(cameraState('box-1', 'bed', 'ok'))
    page.heard(heard('box-1', 'alarm', technicalAlarm('t', 'face_unusable', 'bed')))
    const shown = await openPage(url)
    await shown.getByRole('article').waitFor()
    expect(await shown.locator('.lamp').getAttribute('class')).not.toMatch(/pain|blinks|medium/)
  })
})
