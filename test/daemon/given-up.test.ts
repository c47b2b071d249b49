import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../src/core/version.js'
import { type DaemonProcess, descendants, isRunning } from '../support/daemon.js'
import { holdWorkers, killWorkers } from '../support/kill-worker.js'
import type { Nurse } from '../support/nurse.js'
import { patience } from '../support/slowness.js'
import { eventually, type FeedCamera, Ward } from '../support/ward.js'

let ward: Ward
let feed: FeedCamera
beforeAll(async () => {
  ward = await Ward.open()
  feed = await ward.feeds(['a'])
})
afterAll(() => ward.close())

/** Starts a painlens process and ends its face worker three times. @param beforeLast called before the third time */
async function loseTheWorker(beforeLast: (daemon: DaemonProcess) => Promise<unknown>) {
  const device = await ward.device([feed('a')])
  const nurse = await device.listen()
  const daemon = device.start({ debuggable: true })
  await device.ready().catch((error: Error) => {
    throw new Error(`${error.message}\n${daemon.output()}`)
  })
  for (const restarts of [0, 1, 2]) {
    await eventually(
      () => device.metric('painlens_worker_restarts_total{part="detect"}'),
      (count) => count === restarts,
      `restart ${restarts}`
    )
    if (restarts === 2) await beforeLast(daemon)
    expect(await killWorkers('detect/worker.js', daemon.child)).toBe(1)
  }
  return { daemon, nurse }
}

function expectTold(nurse: Nurse): void {
  const starts = nurse.alarms().filter(({ condition, phase }) => condition === 'inference_failed' && phase === 'start')
  expect(starts.at(-1)?.text.en).toMatch(/the face worker: was lost 3 times in a short while/)
  const end = nurse.alarms().find(({ alarm_id, phase }) => alarm_id === starts.at(-1)?.alarm_id && phase === 'end')
  expect(end).toMatchObject({ reason: 'stopped' })
}

/** Whether systemd restarts painlens after this end, by the unit file and systemd.service(5). */
function isStartedAgain(ended: number | string): boolean {
  const unit = readFileSync(`${packageRoot}deploy/jetson/painlens.service`, 'utf8')
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1]
  expect(value('Restart')).toBe('on-failure')
  expect(value('SuccessExitStatus')).toBeUndefined()
  const clean = ['0', 'SIGHUP', 'SIGINT', 'SIGTERM', 'SIGPIPE', ...value('RestartPreventExitStatus')!.split(' ')]
  return !clean.includes(String(ended))
}

describe('painlens, when a worker dies for the third time,', { timeout: patience(90_000) }, () => {
  it('publishes the cause, exits with code 1 without leftover children, and is restarted by systemd', async () => {
    let children: number[] = []
    const { daemon, nurse } = await loseTheWorker(async ({ child }) => {
      children = descendants(child.pid!)
    })
    expect(await daemon.ended).toBe(1)
    expect(isStartedAgain(1)).toBe(true)
    expect(children.length).toBeGreaterThan(0)
    expect(children.filter(isRunning)).toEqual([])
    expectTold(nurse)
  })

  it('kills itself if another worker is stuck, and is restarted by systemd', async () => {
    const { daemon, nurse } = await loseTheWorker(async ({ child }) => {
      expect(await holdWorkers('classify/worker.js', patience(60_000), child)).toBe(1)
    })
    const ended = await daemon.ended
    expect(ended).toBe('SIGKILL')
    expect(isStartedAgain(ended)).toBe(true)
    expectTold(nurse)
  })
})
