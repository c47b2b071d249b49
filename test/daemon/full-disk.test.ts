import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NightAnswer } from '../../src/page/wire.js'
import { logIn } from '../page/rig.js'
import { freePort } from '../support/mosquitto.js'
import { patience, until } from '../support/slowness.js'
import { eventually, nowhere, Ward } from '../support/ward.js'

/** A file system of 8 MB at /mnt, in the process's own mount namespace. */
const onSmallDisk = ['unshare', '-rm', 'sh', '-ec', 'mount -t tmpfs -o size=8m tmpfs /mnt; exec "$@"', 'sh']
const canMount = spawnSync('unshare', [...onSmallDisk.slice(1), 'true']).status === 0
if (!canMount) process.stderr.write('a full disk is not tested: this user may not mount a file system (unshare -rm)\n')

const token = 'ward-token-0123456789'

let ward: Ward
beforeAll(async () => {
  ward = await Ward.open()
})
afterAll(() => ward.close())

describe.skipIf(!canMount)('a full disk', () => {
  it('raises a technical alarm until there is room, and other alarms are still sent', {
    timeout: patience(90_000)
  }, async () => {
    const camera = { id: 'gone', url: nowhere, width: 640, height: 360 }
    const port = await freePort()
    const page = { enabled: true, port, tokens: { ward: token }, path: '/mnt/page' }
    const device = await ward.device([camera], { outbox: { path: '/mnt/outbox' }, page })
    const nurse = await device.listen()
    const daemon = device.start({ wrapper: onSmallDisk })
    await until(() => daemon.output().includes('painlens runs'), 'the start', 40_000)
    const url = `http://127.0.0.1:${port}`
    const cookie = await logIn(url, token)
    /** Whether the history of the page is kept, of which the page says so. */
    const isKept = async () => {
      // A range of its own each time: the same one is answered for some seconds as before.
      const [from, to] = [Date.now() - 3_600_000, Date.now()].map((at) => new Date(at).toISOString())
      const answer = await fetch(`${url}/api/night?from=${from}&to=${to}`, { headers: { cookie } })
      return ((await answer.json()) as NightAnswer).recorded
    }
    await eventually(isKept, (kept) => kept, 'a history')
    // As the process sees it.
    const filler = `/proc/${daemon.child.pid}/root/mnt/filler`
    expect(() => {
      for (let count = 0; ; count++) writeFileSync(`${filler}${count}`, Buffer.alloc(count < 6 ? 1e6 : 1000))
    }).toThrow('ENOSPC')
    // The first ones may still find room in the file that the outbox is writing.
    const raised = await eventually(
      async () => {
        await nurse.command('test_alarm', { camera: 'gone', seconds: 1 })
        return nurse.alarms().filter(({ condition, phase }) => condition === 'outbox_failed' && phase === 'start')
      },
      ({ length }) => length > 0,
      'word of it'
    )
    const full = raised[0]!
    expect(full).toMatchObject({ type: 'technical', priority: 'medium', camera: null })
    expect(full.text.en).toBe('Disk refuses alarms, they wait in memory only: no space left for the outbox')
    await nurse.alarm('test', 'end')
    const { parts } = await device.ask('/ready')
    expect(parts.find(({ part }) => part === 'outbox')?.why).toMatch(
      /^no space left for the outbox; \d+ wait in memory/
    )
    expect(await device.ask('/live')).toMatchObject({ ok: true })
    await eventually(isKept, (kept) => !kept, 'a page that says that its history is not kept')

    for (let count = 0; count < 6; count++) rmSync(`${filler}${count}`)
    const over = await nurse.alarm('outbox_failed', 'end', 40_000)
    expect(over).toMatchObject({ alarm_id: full.alarm_id, reason: 'cleared' })
    await eventually(isKept, (kept) => kept, 'a history again')
    await eventually(
      () => device.ask('/ready'),
      (answer) => !answer.parts.some(({ part }) => part === 'outbox'),
      'nothing against the outbox'
    )
    daemon.child.kill('SIGTERM')
    expect(await daemon.ended).toBe(0)
    expect(daemon.output()).not.toContain('these are lost')
  })
})
