/** What a technician does on the page of a real daemon: the lamps, the way to the nurse call, a mask from the keyboard to black pixels. */
import { readFileSync, writeFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CamerasOfBox, SightAnswer } from '../../src/page/wire.js'
import { logIn, post } from '../page/rig.js'
import { chromiumPath, openChromium } from '../support/browser.js'
import { freePort } from '../support/mosquitto.js'
import { patience, until } from '../support/slowness.js'
import { Ward } from '../support/ward.js'

const token = 'technician-token-01234'

let ward: Ward
let browser: Awaited<ReturnType<typeof openChromium>>
beforeAll(async () => {
  if (chromiumPath === null) return
  ward = await Ward.open()
  browser = await openChromium()
})
afterAll(async () => {
  await browser?.close()
  await ward?.close()
})

/** A picture of the camera as the page has it. */
async function look(address: string, cookie: string) {
  const headers = { cookie }
  const answer = await fetch(`${address}/api/picture?camera=bed`, { headers })
  const sight = JSON.parse(answer.headers.get('x-sight') ?? 'null') as SightAnswer | null
  const { data, info } = await sharp(Buffer.from(await answer.arrayBuffer()))
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true })
  /** The grey level at a place in shares of the picture. */
  const grey = (x: number, y: number): number =>
    data[Math.floor(y * info.height) * info.width + Math.floor(x * info.width)]!
  return { sight, grey }
}

async function press(page: Page, name: string | RegExp): Promise<void> {
  await page.getByRole('button', { name }).first().focus()
  await page.keyboard.press('Enter')
}

describe.skipIf(chromiumPath === null)("the technician's page of a daemon", { timeout: patience(180_000) }, () => {
  it('shows the lamps, follows a test alarm until a nurse call acknowledges it, and makes a mask that a reload takes', async () => {
    const camera = await ward.room()
    const port = await freePort()
    const page = { enabled: true, port, tokens: { technician: token }, path: 'page' }
    const device = await ward.device([camera], { page, privacy: { show_pictures: true } })
    const nurse = await device.listen()
    const daemon = device.start()
    await until(() => daemon.output().includes('the page is served'), 'the page', 60_000)
    const address = `http://127.0.0.1:${port}`
    const cookie = await logIn(address, token, 'T.')
    const box = async () =>
      (await (await fetch(`${address}/api/cameras`, { headers: { cookie } })).json()) as CamerasOfBox
    await until(async () => (await box()).cameras[0]?.state === 'ok', 'the picture', 30_000)

    const screen = await browser.newPage({ locale: 'en-GB' })
    screen.setDefaultTimeout(patience(30_000))
    const [name, value] = cookie.split('=') as [string, string]
    await screen.context().addCookies([{ name, value, url: address }])
    await screen.goto(address)
    await screen.getByRole('button', { name: 'Technician' }).click()
    await screen.getByText('fine camera bed').waitFor()
    const { lamps } = await box()
    expect(lamps.find(({ what }) => what === 'broker')).toMatchObject({ state: 'ok', found: ward.broker.url })
    expect(lamps.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['clock', 'model', 'provider', 'http', 'disk'])
    )

    await screen.getByRole('button', { name: 'Raise a test alarm' }).click()
    const steps = screen.getByRole('list').filter({ hasText: 'Raised for bed by T.' })
    await steps.getByText(/^● The broker has confirmed it/).waitFor()
    await steps.getByText(/^● It came back/).waitFor()
    expect(await steps.innerText()).toContain('○ Acknowledged: waiting …')
    expect((await post(address, '/api/way', { camera: 'bed' }, { cookie })).status).toBe(409)
    const alarm = await nurse.alarm('test', 'start')
    expect((await nurse.command('ack', { alarm_id: alarm.alarm_id, by: 'Rufanlage', kind: 'coming' })).status).toBe(
      'ok'
    )
    await steps.getByText(/^● Acknowledged by Rufanlage/).waitFor()

    await post(address, '/api/look', { camera: 'bed' }, { cookie })
    const before = await look(address, cookie)
    expect(before.grey(0.5, 0.5)).toBeGreaterThan(30)
    const face = await until(async () => (await look(address, cookie)).sight?.faces?.[0], 'a face', 20_000)
    expect(face.landmarks).toHaveLength(136)
    const [x, y, width, height] = face.box
    const inside = face.landmarks.filter((at, i) =>
      i % 2
        ? at > (y - height / 2) * 360 && at < (y + 1.5 * height) * 360
        : at > (x - width / 2) * 640 && at < (x + 1.5 * width) * 640
    )
    expect(inside).toHaveLength(136)

    await press(screen, 'Edit masks and zones')
    await press(screen, 'New mask')
    await screen.getByRole('button', { name: /^Mask 1, corner 1/ }).waitFor()
    for (let i = 0; i < 4; i++) await screen.keyboard.press('Shift+ArrowLeft')
    const lines = await screen.getByLabel('For the config file').inputValue()
    const config = readFileSync(device.file, 'utf8')
    writeFileSync(
      device.file,
      config.replace(/^ {4}url: .*\n/m, (url) => url + lines.trimEnd().concat('\n'))
    )
    daemon.child.kill('SIGHUP')
    await until(async () => (await box()).cameras[0]?.masks.length === 1, 'the mask', 30_000)
    await until(async () => (await box()).cameras[0]?.state === 'ok', 'the picture', 30_000)
    const masked = await until(async () => {
      const now = await look(address, cookie).catch(() => null)
      return now?.sight ? now : null
    }, 'a picture')
    // The corner that was moved is at 10 %, the others from 30 to 70 %.
    for (const [at, down] of [
      [0.5, 0.5],
      [0.35, 0.6],
      [0.25, 0.35]
    ] as const)
      expect([at, down, masked.grey(at, down)]).toEqual([at, down, expect.closeTo(0, -1)])
    expect(masked.grey(0.85, 0.2)).toBeGreaterThan(30)
    await daemon.end('SIGTERM')
  })
})
