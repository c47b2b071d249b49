/** From a resident in pain to a nurse's click on the page, and to the subscriber who hears of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logIn } from '../page/rig.js'
import { chromiumPath, openChromium } from '../support/browser.js'
import { freePort } from '../support/mosquitto.js'
import { patience, until } from '../support/slowness.js'
import { nowhere, Ward } from '../support/ward.js'

const wait = { timeout: patience(40_000) }
const token = 'ward-token-0123456789'
const technician = 'technician-token-01234'
/** Over nothing of the resident. */
const outlines = {
  masks: [
    [
      [0.95, 0],
      [1, 0],
      [1, 0.1]
    ]
  ],
  zones: [
    {
      name: 'door',
      polygon: [
        [0, 0],
        [0.1, 0],
        [0, 0.1]
      ]
    }
  ]
}

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

describe.skipIf(chromiumPath === null)('the page of a daemon', { timeout: patience(180_000) }, () => {
  it('shows a resident in pain, takes the acknowledgement and a pause, and tells the truth when broker and daemon die', async () => {
    const camera = await ward.room()
    const port = await freePort()
    const page = { enabled: true, port, tokens: { ward: token, technician }, path: 'page' }
    const cameras = [camera, { id: 'gone', url: nowhere, location: { room: '13' }, ...outlines }]
    const device = await ward.device(cameras, { page, alarm: { onset_s: 1, smoothing_s: 0.2 } })
    const nurse = await device.listen()
    const daemon = device.start()
    await until(() => daemon.output().includes('the page is served'), 'the page', 60_000)

    const address = `http://127.0.0.1:${port}`
    const cookie = await logIn(address, technician, 'T.')
    const answer = await fetch(`${address}/api/cameras`, { headers: { cookie } })
    expect(await answer.json()).toMatchObject({
      cameras: [
        { camera: 'bed', masks: [], zones: [] },
        { camera: 'gone', ...outlines }
      ]
    })

    const screen = await browser.newPage({ locale: 'en-GB' })
    screen.setDefaultTimeout(wait.timeout)
    await screen.goto(address)
    await screen.getByLabel('Your name').fill('Schwester K.')
    await screen.getByLabel('Token').fill(token)
    await screen.getByRole('button', { name: 'Log in' }).click()
    const bed = screen.getByRole('button', { name: /^Room 12/ })
    await screen
      .getByRole('button', { name: /^Room 13/ })
      .getByText('unknown: camera')
      .waitFor()

    const alarm = await nurse.alarm('pain', 'start', 60_000)
    const card = screen.getByRole('article').filter({ hasText: alarm.text.en })
    await card.waitFor()
    await bed.getByText('pain suspected').waitFor()
    await card.getByRole('button', { name: 'I am coming' }).click()
    const acknowledged = () => nurse.alarms().find(({ alarm_id, ack }) => alarm_id === alarm.alarm_id && ack !== null)
    expect((await until(acknowledged, 'the acknowledgement')).ack).toMatchObject({ by: 'Schwester K.', kind: 'coming' })
    await card.getByText('Schwester K.').waitFor()

    await bed.click()
    await screen.getByRole('button', { name: '5 min', exact: true }).click()
    await nurse.state('bed', 'paused')
    await bed.getByText('paused for care until').waitFor()
    await card.waitFor({ state: 'detached' })

    await ward.broker.kill()
    await screen.getByRole('alert').getByText('The broker cannot be reached').waitFor()
    await daemon.end('SIGKILL')
    await screen.getByRole('alert').getByText('Connection lost').waitFor()
    expect(await screen.locator('.lamp:not(.unknown)').count()).toBe(0)

    const again = device.start()
    await bed.getByText('paused for care until').waitFor({ timeout: patience(60_000) })
    await again.end('SIGTERM')
  })
})
