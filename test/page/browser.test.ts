/** What only a real browser does with the page: sound, zoom, many tabs, and a page of another version. */
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { PageStage } from '../../src/page/index.js'
import { chromiumPath, openChromium } from '../support/browser.js'
import { patience, until } from '../support/slowness.js'
import { expectAccessible } from './accessible.js'
import { fillWard } from './example-ward.js'
import { health, heard, painAlarm, room, servePage, status, tokens } from './rig.js'

let browser: Browser
beforeAll(async () => {
  if (chromiumPath !== null) browser = await openChromium()
})
afterAll(() => browser?.close())

async function newContext(options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> {
  const context = await browser.newContext({ locale: 'en-GB', ignoreHTTPSErrors: true, ...options })
  context.setDefaultTimeout(patience(20_000))
  onTestFinished(() => context.close())
  return context
}

async function logIn(context: BrowserContext, url: string, token = tokens.ward): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  await page.getByLabel('Your name').fill('Schwester K.')
  await page.getByLabel('Token').fill(token)
  await page.keyboard.press('Enter')
  await page.locator('.lamp').first().waitFor()
  return page
}

function oneRoom(page: PageStage): void {
  page.heard(status('box-1'))
  page.heard(heard('box-1', 'health', health({ bed: { location: room('12') } })))
}

/** Counts the tones that are begun. */
const countTones = `
  window.tones = 0
  const start = OscillatorNode.prototype.start
  OscillatorNode.prototype.start = function (...when) { window.tones++; return start.apply(this, when) }
`

describe.skipIf(chromiumPath === null)('the page in a browser', { timeout: patience(120_000) }, () => {
  it('sounds for an alarm that is not acknowledged, says where it cannot, and stays muted where it was muted', async () => {
    const { page, url } = await servePage()
    oneRoom(page)
    const context = await newContext()
    await context.addInitScript(countTones)
    const first = await logIn(context, url)
    const tones = (shown: Page) => shown.evaluate<number>('window.tones')
    page.heard(heard('box-1', 'alarm', painAlarm('p', 0, 'bed')))
    // The login was a touch.
    await first.getByRole('button', { name: 'Sound is on' }).waitFor()
    await until(async () => (await tones(first)) === 10, 'a burst of ten tones')
    await first.getByRole('button', { name: 'Sound is on' }).click()
    await first.getByRole('button', { name: 'Muted' }).waitFor()

    const second = await context.newPage()
    await second.goto(url)
    await second.getByRole('button', { name: 'Muted: tap for sound' }).waitFor()
    expect(await tones(second)).toBe(0)
    await second.getByRole('button', { name: 'Muted: tap for sound' }).click()
    await second.getByRole('button', { name: 'Sound is on' }).waitFor()
    await until(async () => (await tones(second)) === 10, 'a burst of ten tones')
  })

  it('loads itself anew once when painlens has another version', async () => {
    const { page, url } = await servePage()
    oneRoom(page)
    const context = await newContext()
    const shown = await logIn(context, url)
    let build = 'before'
    let asked = 0
    let loads = 0
    shown.on('load', () => void loads++)
    await context.route('**/api/events', (route) => {
      asked++
      const beat = JSON.stringify({ at: new Date().toISOString(), build })
      return route.fulfill({ contentType: 'text/event-stream', body: `retry: 50\n\nevent: beat\ndata: ${beat}\n\n` })
    })
    await shown.reload()
    await until(() => asked > 3, 'beats')
    expect(loads).toBe(1)
    build = 'after'
    await until(() => loads === 2, 'the reload')
    const before = asked
    await until(() => asked > before + 5, 'beats of the new version')
    expect(loads).toBe(2)
  })

  it('is live in seven tabs of one browser over its own certificate and HTTP/2', async () => {
    const { page, url } = await servePage({ tls: 'own' })
    oneRoom(page)
    const context = await newContext()
    const tabs = [await logIn(context, url)]
    for (let i = 1; i < 7; i++) {
      const tab = await context.newPage()
      await tab.goto(url)
      await tab.locator('.lamp').first().waitFor()
      tabs.push(tab)
    }
    page.heard(heard('box-1', 'alarm', painAlarm('p', 0, 'bed')))
    for (const tab of tabs) await tab.getByRole('article').waitFor()
    const protocol = await tabs[6]!.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")
    expect(protocol).toBe('h2')
  })

  it('fits at 200 and 400 % zoom, and with letters of twice the size, on every screen', async () => {
    const hostile = '<img src=x onerror=alert(1)>'
    const profile = { name: hostile, width: 1920, height: 1080, fps: 25, codec: 'H264' }
    const url554 = `rtsp://192.0.2.4:554/${'a-long-path'.repeat(9)}`
    const problem = { code: 'PL-ONVIF-LOGIN', message: 'asks for a login', fix: 'Give one.' }
    const cameras = [{ address: '192.0.2.4', name: hostile, profiles: [{ ...profile, url: url554 }], problem }]
    const finder = { state: () => ({ running: false, cameras }), start: () => undefined }
    const begun = new Date().toISOString()
    const open = { confirmed: begun, back: null, notHeard: 'no right', notBack: false, acknowledged: null, ended: null }
    const way = { state: () => ({ camera: 'bed', by: hostile, begun, ...open }), start: async () => undefined }
    const lamps = [{ what: 'broker', state: 'fail' as const, found: 'x'.repeat(200), fix: 'Mend it.', code: 'PL-X' }]
    const { page, url } = await servePage({ finder, way, lamps: () => lamps })
    fillWard(page)
    // A browser's zoom makes the page's pixels larger, and so the page narrower.
    for (const [width, letters] of [
      [640, '100%'],
      [320, '100%'],
      [1280, '200%']
    ] as const) {
      const shown = await logIn(await newContext({ viewport: { width, height: 700 } }), url, tokens.technician)
      await shown.evaluate(`document.documentElement.style.fontSize = '${letters}'`)
      for (const screen of ['Ward', 'Tonight', 'Technician']) {
        await shown.getByRole('button', { name: screen, exact: true }).click()
        if (screen === 'Technician') await shown.getByText('192.0.2.4:554').waitFor()
        if (screen === 'Tonight') await shown.getByRole('table').first().waitFor()
        const at = `${screen}, ${width} px, ${letters}`
        expect(await shown.evaluate('document.documentElement.scrollWidth'), at).toBeLessThanOrEqual(width)
        await expectAccessible(shown, at)
      }
      expect(await shown.locator('#page img').count()).toBe(0)
      expect(await shown.getByText(hostile).count()).toBeGreaterThan(2)
    }
  })
})
