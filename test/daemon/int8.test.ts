import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { killWorkers } from '../support/kill-worker.js'
import { quantisedDemo } from '../support/quantised-model.js'
import { patience, until } from '../support/slowness.js'
import { eventually, type RoomCamera, Ward } from '../support/ward.js'

let ward: Ward
let bed: RoomCamera
beforeAll(async () => {
  ward = await Ward.open()
  const stretches = [{ expression: 'pain', intensity: 0.95, seconds: 600 }] as const
  bed = await ward.room({ day: { stretches, loop: true, seed: 1 } })
})
afterAll(() => ward.close())

describe('a daemon whose model has an int8 file', () => {
  it('confirms its alarms by float32, explains them in the same session, and names int8 in health, also after its worker has died', {
    timeout: patience(90_000)
  }, async () => {
    const { path } = await quantisedDemo(ward.folder)
    const device = await ward.device([bed], {
      model: { manifest: path },
      inference: { provider: 'cpu', precision: 'int8', threads: 1 },
      explanation: { engine: 'onnx', session: 'shared', views: 1 }
    })
    const nurse = await device.listen()
    await device.startHere()
    const inUse = async () => {
      await nurse.command('refresh', {})
      return nurse.health().at(-1)!.precision
    }
    const alarmed = async () => {
      await nurse.alarm('pain', 'start')
      // At once unless this machine is so busy that float32 takes more than a second; an update says so then.
      await until(
        () => nurse.alarms().find(({ condition, confirmed }) => condition === 'pain' && confirmed),
        'confirmed'
      )
      await until(() => nurse.explanations()[0], 'its explanation')
      expect(await inUse()).toMatchObject({ used: 'int8', compared: { faces: 24 }, problem: null, code: null })
    }
    await alarmed()
    expect(await killWorkers('classify/worker.js')).toBe(1)
    await nurse.command('pause', { camera: 'bed' })
    await nurse.alarm('pain', 'end')
    await eventually(
      () => device.metric('painlens_worker_restarts_total{part="classify"}'),
      (restarts) => restarts === 1,
      'the restart'
    )
    nurse.forget()
    await nurse.command('resume', { camera: 'bed' })
    await alarmed()
  })
})
