import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { describe, expect, it, onTestFinished } from 'vitest'
import { checkBroker } from '../../src/commands/check/broker.js'
import type { CheckContext } from '../../src/commands/check/result.js'
import { forgetCommand } from '../../src/commands/forget/index.js'
import { Secrets } from '../../src/core/secrets.js'
import { startMosquitto } from '../support/mosquitto.js'
import { until } from '../support/slowness.js'

const never = new AbortController().signal

async function setUp(retained: Record<string, string>) {
  const broker = await startMosquitto()
  onTestFinished(() => broker.remove())
  const client = await connectAsync(broker.url, { protocolVersion: 5 })
  onTestFinished(() => client.endAsync(true))
  for (const [topic, text] of Object.entries(retained)) await client.publishAsync(topic, text, { qos: 1, retain: true })
  const folder = await mkdtemp(join(tmpdir(), 'painlens-forget-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const config = join(folder, 'painlens.yaml')
  const camera = 'cameras:\n  - id: room-1\n    url: rtsp://127.0.0.1/x\n'
  const model = 'model:\n  manifest: models/demo.yaml\n'
  await writeFile(config, `device: ward-2\n${model}mqtt:\n  url: ${broker.url}\n${camera}`)
  const left = async () => {
    const found: string[] = []
    const other = await connectAsync(broker.url, { protocolVersion: 5 })
    other.on('message', (topic) => found.push(topic))
    await other.subscribeAsync(['painlens/#', 'homeassistant/#'])
    // Comes behind what is retained.
    await other.publishAsync('painlens/end', '')
    await until(() => found.includes('painlens/end'), 'all that is retained')
    await other.endAsync(true)
    return found.filter((topic) => topic !== 'painlens/end').sort()
  }
  return { broker, config, left }
}

describe('painlens forget', () => {
  it('removes what the broker retains of one device, names it, and leaves others alone', async () => {
    const { config, left } = await setUp({
      'painlens/old/status': '{"state":"offline"}',
      'painlens/old/camera/room-9/state': '{"state":"ok"}',
      'homeassistant/device/painlens_old/config': '{}',
      'homeassistant/device/painlens_older/config': '{}',
      'painlens/older/status': '{"state":"offline"}'
    })
    const said: string[] = []
    const code = await forgetCommand({ device: 'old', config }, never, (text) => void said.push(text))
    expect([code, await left()]).toEqual([0, ['homeassistant/device/painlens_older/config', 'painlens/older/status']])
    expect(said.join('').trimEnd().split('\n').sort()).toEqual([
      '3 in all',
      'removed homeassistant/device/painlens_old/config',
      'removed painlens/old/camera/room-9/state',
      'removed painlens/old/status'
    ])
    said.length = 0
    await forgetCommand({ device: 'old', config }, never, (text) => void said.push(text))
    expect(said).toEqual(['the broker retains nothing below painlens/old\n'])
  })

  it('takes no wildcard, which would remove the states of every device', async () => {
    const { config, left } = await setUp({ 'painlens/ward-2/status': '{"state":"online"}' })
    for (const device of ['+', '#', '', 'x/#', '+/camera', '../ward-2', 'ward-2/status'])
      await expect(forgetCommand({ device, config }, never, () => undefined)).rejects.toMatchObject({
        code: 'PL-FORGET-DEVICE',
        exitCode: 2
      })
    expect(await left()).toEqual(['painlens/ward-2/status'])
  })

  it('refuses for a device that is online', async () => {
    const { config, left } = await setUp({ 'painlens/ward-2/status': '{"state":"online"}' })
    await expect(forgetCommand({ device: 'ward-2', config }, never, () => undefined)).rejects.toMatchObject({
      code: 'PL-BROKER-DEVICE-ONLINE'
    })
    expect(await left()).toEqual(['painlens/ward-2/status'])
  })
})

describe('painlens check', () => {
  it('names the cameras of which the broker retains a state and that the config does not have', async () => {
    const { broker } = await setUp({
      'painlens/ward-2/camera/room-1/state': '{"state":"ok"}',
      'painlens/ward-2/camera/room-9/state': '{"state":"ok"}'
    })
    const config = { device: 'ward-2', cameras: [{ id: 'room-1' }], mqtt: { url: broker.url, protocol: 'auto' } }
    const found = await checkBroker({ config, secrets: new Secrets(), signal: never } as unknown as CheckContext)
    expect(found.filter(({ state }) => state === 'warn')).toEqual([
      expect.objectContaining({
        code: 'PL-BROKER-LEFTOVER',
        found: expect.stringMatching(/cameras: \S*room-9\/state$/)
      })
    ])
  })
})
