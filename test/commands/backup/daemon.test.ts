import { spawnSync } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packageRoot } from '../../../src/core/version.js'
import { readOutbox } from '../../../src/stages/outbox/index.js'
import { patience, until } from '../../support/slowness.js'
import { writeTinyModel } from '../../support/tiny-model.js'
import { nowhere, Ward } from '../../support/ward.js'
import { temporaryFolder } from './rig.js'

let ward: Ward
beforeAll(async () => {
  ward = await Ward.open()
})
afterAll(() => ward.close())

/** A command as a technician calls it. */
function painlens(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(packageRoot, 'dist/main.js'), ...words], {
    encoding: 'utf8'
  })
  return { status, text: stdout + stderr, lines: stdout.trimEnd().split('\n') }
}

const messagesIn = async (outbox: string) =>
  (await readOutbox(outbox)).flatMap((entry) => ('message' in entry ? [entry.message] : []))

it(
  'a running box is saved, restored over itself and on an empty disk, checked, with its alarms listed, and its outbox delivered',
  async () => {
    await ward.broker.stop()
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the config's own placeholders
    const secret = { camera: '${file:secrets/camera}', broker: '${file:secrets/broker}' }
    const gone = { id: 'gone', url: nowhere.replace('//', `//u:${secret.camera}@`), width: 640, height: 360 }
    const device = await ward.device([gone], {
      mqtt: { url: ward.broker.url, username: 'box', password: secret.broker },
      model: { manifest: 'models/tiny.yaml' },
      outbox: { path: 'data/outbox' },
      alarm_log: { path: 'data/alarms' }
    })
    for (const name of ['secrets', 'models']) await mkdir(join(device.folder, name))
    for (const name of ['camera', 'broker']) await writeFile(join(device.folder, 'secrets', name), `pw-of-${name}\n`)
    await writeTinyModel(join(device.folder, 'models'), { changes: { alarm_label: 'happiness' } })
    const folder = await temporaryFolder()
    const file = join(folder, 'b.tar.gz')

    const daemon = device.start()
    await until(async () => (await device.alarms({}).catch(() => '')).includes('camera_lost'), 'the alarm', 60_000)
    expect(painlens('backup', file, '--secrets', '--models', '--config', device.file)).toMatchObject({ status: 0 })
    const running = painlens('restore', file, '--config', device.file)
    expect([running.status, running.text]).toEqual([1, expect.stringContaining('[PL-RESTORE-RUNNING]')])
    await daemon.end('SIGTERM')
    expect(daemon.output()).toContain('painlens backup')
    const ended = await messagesIn(join(device.folder, 'data/outbox'))
    expect(painlens('restore', file, '--config', device.file)).toMatchObject({ status: 0 })
    const restored = await messagesIn(join(device.folder, 'data/outbox'))
    // The stop has added the end of the alarm, which the backup does not have.
    expect(restored.length).toBeLessThan(ended.length)
    expect(ended.slice(0, restored.length)).toEqual(restored)
    expect(restored[0]?.payload).toMatchObject({ condition: 'camera_lost', phase: 'start' })

    const listed = painlens('alarms', '--json', '--config', device.file).lines
    await rm(device.folder, { recursive: true })
    const config = join(folder, 'new/painlens.yaml')
    await mkdir(join(folder, 'new'))
    expect(painlens('restore', file, '--config', config)).toMatchObject({ status: 0 })
    expect(await readFile(join(folder, 'new/secrets/broker'), 'utf8')).toBe('pw-of-broker\n')
    expect(painlens('alarms', '--json', '--config', config).lines).toEqual(listed)
    expect(await messagesIn(join(folder, 'new/data/outbox'))).toEqual(restored)

    await ward.broker.start()
    const checked = painlens('check', '--config', config)
    const red = [...checked.text.matchAll(/^\[fail\] (.{15})/gm)].map(([, what]) => what!.trim())
    expect(red, checked.text).toEqual(['camera gone'])
    expect(checked.text).toMatch(/^\[ ok \] broker .*confirmed a message/m)
    const nurse = await device.listen()
    const again = device.start({ config })
    const { alarm_id } = restored[0]!.payload as { alarm_id: string }
    const ofIt = () => nurse.alarms().filter((alarm) => alarm.alarm_id === alarm_id)
    await until(() => ofIt().at(-1)?.phase === 'end', 'its delivery and its end', 60_000)
    expect(ofIt()[0]).toMatchObject({ phase: 'start', late: true })
    expect(ofIt().at(-1)).toMatchObject({ reason: 'restarted' })
    await again.end('SIGTERM')
  },
  patience(150_000)
)
