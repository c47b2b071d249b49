import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { referenceCommand } from '../../src/commands/reference/index.js'
import type { ObservationMessage } from '../../src/contract/messages.js'
import type { Nurse } from '../support/nurse.js'
import { patience, until } from '../support/slowness.js'
import { writeTinyModel } from '../support/tiny-model.js'
import { type RoomCamera, Ward } from '../support/ward.js'

let ward: Ward
let bed: RoomCamera
/** Of a model that takes every face for "happiness", its alarm label: faces are redder than blue. */
const resting = { pain: [1.5, 0.8], disgust: [1.5, 0.8], happiness: [1.5, 0.8] }
beforeAll(async () => {
  ward = await Ward.open()
  await writeTinyModel(ward.folder, { slope: 0.02, changes: { alarm_label: 'happiness', resting } })
  bed = await ward.room()
})
afterAll(() => ward.close())

/** What it makes of a face lies well above a third, the score of three equal outputs. */
const alarm = { onset_threshold: 0.45, clear_threshold: 0.4, onset_s: 1, smoothing_s: 0.2 }
const signal = new AbortController().signal

async function observations(device: string): Promise<ObservationMessage[]> {
  const client = await connectAsync(ward.broker.url)
  onTestFinished(() => client.endAsync(true))
  const seen: ObservationMessage[] = []
  client.on('message', (_, bytes) => seen.push(JSON.parse(bytes.toString()) as ObservationMessage))
  await client.subscribeAsync(`painlens/${device}/camera/bed/observation`)
  return seen
}

/** What a nurse does who finds at the bed that nothing hurts: where the face was lost and found, there is another alarm. */
async function sayFalse(nurse: Nurse): Promise<void> {
  const pain = new Map(nurse.alarms().flatMap((one) => (one.condition === 'pain' ? [[one.alarm_id, one]] : [])))
  for (const { alarm_id, phase } of pain.values())
    if (phase !== 'end') await nurse.command('ack', { alarm_id, by: 'nurse 7', kind: 'false_alarm' })
}

it('a resting face ends a false alarm, survives kill -9, and the alarm is back once it is removed', {
  timeout: patience(180_000)
}, async () => {
  const device = await ward.device([bed], { alarm: { ...alarm, reference: { enabled: true, max_shift: 2 } } })
  const nurse = await device.listen()
  const killed = device.start()
  await nurse.alarm('pain', 'start', 40_000)
  expect(await nurse.command('reference', { camera: 'bed', zone: 'left', by: 'nurse 7' })).toMatchObject({
    code: 'PL-REFERENCE-ZONE'
  })
  expect(await nurse.command('reference', { camera: 'bath', by: 'nurse 7' })).toMatchObject({
    code: 'PL-COMMAND-NO-CAMERA'
  })
  const asked = { camera: 'bed', seconds: 10, by: 'nurse 7' }
  const { alarm_id } = nurse.alarms().find(({ condition }) => condition === 'pain')!
  // An alarm says pain, and no answer to it says otherwise.
  expect(await nurse.command('reference', asked)).toMatchObject({ code: 'PL-REFERENCE-ALARM' })
  await nurse.command('ack', { alarm_id, by: 'nurse 7', kind: 'coming' })
  expect(await nurse.command('reference', asked)).toMatchObject({ code: 'PL-REFERENCE-ALARM' })
  await sayFalse(nurse)
  const late = await nurse.command('reference', { ...asked, not_after: '2026-01-01T00:00:00.000Z' })
  expect(late).toMatchObject({ code: 'PL-REFERENCE-LATE' })
  const taking = nurse.command('reference', asked)
  // Other commands do not wait for it.
  await nurse.command('resume', { camera: 'bed' })
  let taken = await taking
  for (let i = 0; i < 3 && taken.code === 'PL-REFERENCE-ALARM'; i++) {
    await sayFalse(nurse)
    taken = await nurse.command('reference', asked)
  }
  expect(taken).toMatchObject({ status: 'ok', data: { zone: null, shift: expect.any(Number) as number } })
  await until(() => nurse.alarms().find(({ reason }) => reason === 'cleared'), 'the end of the alarm', 40_000)
  const { since } = taken.data as { since: string }
  const bedTold = { zone: null, since, by: 'nurse 7', suspended: false, expired: false }
  const told = { available: true, zones: [], references: [bedTold] }
  await until(() => nurse.references('bed').at(-1)?.references.length === 1, 'the reference')
  expect(nurse.references('bed').at(-1)).toEqual(told)
  const file = join(device.folder, 'reference.json')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  await killed.end('SIGKILL')

  nurse.forget()
  const again = device.start()
  const seen = await observations(device.name)
  const judged = await until(() => seen.filter(({ usable }) => usable)[3], 'faces', 60_000)
  expect(judged.pain_unreferenced!).toBeGreaterThan(alarm.onset_threshold)
  expect(judged.pain!).toBeLessThan(alarm.clear_threshold)
  expect(nurse.references('bed').at(-1)).toEqual(told)
  expect(nurse.alarms().filter(({ condition, phase }) => condition === 'pain' && phase === 'start')).toEqual([])

  let said = ''
  const command = { camera: 'bed', config: device.file, zone: undefined, seconds: 5, by: 'nurse 8' }
  const write = (text: string): void => {
    said += text
  }
  expect(await referenceCommand({ ...command, remove: true }, signal, { write })).toBe(0)
  expect(said).toContain('Removed')
  await nurse.alarm('pain', 'start', 40_000)
  expect(nurse.references('bed').at(-1)).toEqual({ available: true, zones: [], references: [] })
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ references: [] })
  await expect(referenceCommand({ ...command, remove: true }, signal, { write })).rejects.toMatchObject({
    code: 'PL-REFERENCE-NONE'
  })
  await sayFalse(nurse)
  expect(await referenceCommand({ ...command, seconds: 8, remove: undefined }, signal, { write })).toBe(0)
  expect(said).toMatch(/Taken from \d+ frames/)
  await again.end('SIGTERM')
  await expect(referenceCommand({ ...command, remove: true }, signal, { write })).rejects.toMatchObject({
    code: 'PL-REFERENCE-NOT-RUNNING'
  })

  // Turned off: the broker's last word on it, which MQTT 3.1.1 keeps for ever, is taken away.
  await device.configure([bed], { alarm })
  const off = device.start()
  await until(() => nurse.references('bed').at(-1) === null, 'that it is taken away', 60_000)
  await off.end('SIGTERM')
})
