import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readOutbox } from '../../../src/stages/outbox/index.js'
import { patience, until } from '../../support/slowness.js'
import { nowhere, Ward } from '../../support/ward.js'
import { backup, restore, temporaryFolder } from './rig.js'

let ward: Ward
beforeAll(async () => {
  ward = await Ward.open()
})
afterAll(() => ward.close())

it(
  'the outbox of a running painlens is saved, restored once that has stopped, and delivered',
  async () => {
    const gone = { id: 'gone', url: nowhere, width: 640, height: 360 }
    const away = { mqtt: { url: 'mqtt://127.0.0.1:9' } }
    const device = await ward.device([gone], away)
    const folder = await temporaryFolder()
    const file = join(folder, 'b.tar.gz')
    const daemon = device.start()
    await until(async () => (await device.alarms({}).catch(() => '')).includes('camera_lost'), 'the alarm', 60_000)
    await backup(file, device.file, { force: true })
    await expect(restore(file, device.file)).rejects.toMatchObject({ code: 'PL-RESTORE-RUNNING' })
    expect(daemon.output()).toContain('painlens backup')
    await daemon.end('SIGTERM')
    const messages = async () =>
      (await readOutbox(join(device.folder, 'outbox'))).flatMap((entry) => ('message' in entry ? [entry.message] : []))
    const ended = await messages()
    await restore(file, device.file)
    const restored = await messages()
    // The stop has added the end of the alarm, which the backup does not have.
    expect(restored.length).toBeLessThan(ended.length)
    expect(ended.slice(0, restored.length)).toEqual(restored)
    const [first] = restored
    expect(first?.payload).toMatchObject({ condition: 'camera_lost', phase: 'start' })
    await device.configure([gone])
    const nurse = await device.listen()
    const again = device.start()
    await until(
      () => nurse.alarms().some(({ alarm_id }) => alarm_id === first?.payload.alarm_id),
      'its delivery',
      60_000
    )
    await again.end('SIGTERM')
  },
  patience(120_000)
)
