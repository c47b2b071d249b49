import { writeFile } from 'node:fs/promises'
import { tap } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { loadConfig } from '../../src/config/index.js'
import type { Frame } from '../../src/core/types.js'
import type { Camera } from '../../src/stages/camera/index.js'
import { decoders } from '../support/daemon.js'
import { patience, until } from '../support/slowness.js'
import { eventually, type FeedCamera, Ward } from '../support/ward.js'

/** The numbers that the received pictures show, in order, by camera. */
const seen = vi.hoisted(() => new Map<string, number[]>())
const numbersOf = (id: string): number[] => {
  if (!seen.has(id)) seen.set(id, [])
  return seen.get(id)!
}

/** Pictures count modulo 16, in the grey of their top left corner. */
const count = 16
const greyStep = 13
const numbered = (() => {
  const corner = (inside: string, outside: string, size: number) =>
    `'if(lt(X,${size})*lt(Y,${size}),${inside},${outside})'`
  const luma = corner(`16+${greyStep}*mod(N,${count})`, 'lum(X,Y)', 64)
  const chroma = (plane: string) => corner('128', `${plane}(X,Y)`, 32)
  return (source: string) => `${source},format=yuv420p,geq=lum=${luma}:cb=${chroma('cb')}:cr=${chroma('cr')}`
})()

function numberIn({ data, width }: Frame): number {
  const grey = data[(32 * width + 32) * 3]!
  // From RGB's 0..255 back to video's 16..235.
  return Math.round((grey * 219) / 255 / greyStep) % count
}

vi.mock(import('../../src/stages/camera/index.js'), async (original) => {
  const actual = await original()
  return { ...actual, openCamera: (options) => watched(actual.openCamera(options), options.id) }
})

/** The real camera; the number in each of its pictures is recorded. */
function watched(camera: Camera, id: string): Camera {
  const frames = camera.frames.pipe(tap((frame) => void numbersOf(id).push(numberIn(frame))))
  return new Proxy(camera, {
    get: (target, key: keyof Camera) => {
      if (key === 'frames') return frames
      const value = target[key]
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}

/** The largest difference between successive pictures' numbers; 1 if none was missed. */
function largestGap(numbers: readonly number[]): number {
  const gaps = numbers.slice(1).map((number, index) => (number - numbers[index]! + count) % count || count)
  return Math.max(...gaps)
}

let ward: Ward
let camera: FeedCamera
beforeAll(async () => {
  ward = await Ward.open('pain')
  camera = await ward.feeds(['a', 'b'], numbered)
})
afterAll(() => ward.close())

describe('SIGHUP', () => {
  it('keeps an unchanged camera running while others change; an invalid file raises an alarm and changes nothing', {
    timeout: patience(90_000)
  }, async () => {
    const device = await ward.device([camera('a')])
    const nurse = await device.listen()
    const metric = (name: string) => device.metric(name)
    const daemon = device.start()
    const pid = daemon.child.pid!
    await device.ready()
    const [own] = decoders(pid)
    const counts: number[] = []
    const count = async () => {
      counts.push(await metric('painlens_camera_frames_total{camera="a"}'))
      expect(await metric('painlens_camera_reconnects_total{camera="a"}')).toBe(0)
      expect(decoders(pid)).toContain(own)
    }
    const reload = async (cameras: object[], done: (ids: number[]) => boolean, what: string) => {
      await count()
      await device.configure(cameras)
      daemon.child.kill('SIGHUP')
      await eventually(async () => decoders(pid), done, what)
      await count()
    }
    await reload([camera('a'), camera('b')], (ids) => ids.length === 2, 'the new decoder')
    await eventually(
      () => metric('painlens_camera_frames_total{camera="b"}'),
      (frames) => frames > 0,
      'its frames'
    )
    const [other] = decoders(pid).filter((id) => id !== own)
    const changed = (ids: number[]) => ids.length === 2 && !ids.includes(other!)
    await reload([camera('b', { fps: 2 }), camera('a')], changed, 'a decoder for what changed')
    await reload([camera('a')], (ids) => ids.length === 1, 'the end of it')

    await writeFile(device.file, 'device: [')
    daemon.child.kill('SIGHUP')
    const rejected = await nurse.alarm('config_rejected', 'start')
    expect(rejected).toMatchObject({ type: 'technical', priority: 'low', camera: null })
    expect(rejected.text.en).toMatch(/^The changed config was not taken over: .*painlens\.yaml has one problem 1:\d+/)
    await count()
    await device.configure([camera('a')])
    daemon.child.kill('SIGHUP')
    expect(await nurse.alarm('config_rejected', 'end')).toMatchObject({
      alarm_id: rejected.alarm_id,
      reason: 'cleared'
    })
    const seen = nurse.alarms().length
    await device.configure([camera('a')], { log: { level: 'warn' } })
    daemon.child.kill('SIGHUP')
    const needing = await until(() => nurse.alarms()[seen], 'the alarm of a reload that needs a restart')
    expect(needing).toMatchObject({ condition: 'config_rejected', phase: 'start' })
    expect(needing.text.en).toContain('only a restart applies the changes of: log')
    await device.configure([camera('a')])
    daemon.child.kill('SIGHUP')
    await until(() => nurse.alarms()[seen + 1]?.phase === 'end', 'its end')
    await count()
    const last = counts.at(-1)!
    await eventually(
      () => metric('painlens_camera_frames_total{camera="a"}'),
      (frames) => frames > last,
      'frames'
    )
    expect(counts).toEqual([...counts].sort((a, b) => a - b))
    expect(nurse.alarms().filter(({ camera: about }) => about === 'a')).toEqual([])
    daemon.child.kill('SIGTERM')
    expect(await daemon.ended).toBe(0)
  })

  it('drops no picture of an unchanged camera while others change', {
    timeout: patience(240_000)
  }, async () => {
    // Higher than the rate of pictures, so that none is skipped for coming a little early.
    const a = camera('a', { fps: 25 })
    const device = await ward.device([a])
    const { daemon } = await device.startHere()
    await device.ready()
    const [own] = decoders(process.pid)
    const more = (id: string, number: number) => {
      const from = numbersOf(id).length
      return until(() => numbersOf(id).length >= from + number, `pictures of ${id}`, 40_000)
    }
    const reload = async (...cameras: object[]) => {
      await device.configure(cameras)
      await daemon.reload((await loadConfig(device.file)).config)
    }
    /** @returns the largest gap while `act` was under way, and some pictures later */
    const during = async (act: () => Promise<unknown>) => {
      const from = numbersOf('a').length - 1
      await act()
      await more('a', 5)
      return largestGap(numbersOf('a').slice(from))
    }
    await more('a', 1)
    // A busy machine loses some pictures by itself, now without a reload and now with one; a reload that loses some does so each time.
    const rounds: { without: number; with: number }[] = []
    while (rounds.length < 10 && !rounds.some((round) => round.with <= round.without)) {
      const before = numbersOf('a').length
      const reloading = await during(async () => {
        await reload(a, camera('b'))
        await more('b', 2)
        await reload(camera('b', { fps: 2 }), a)
        await more('b', 2)
        await reload(a)
      })
      const taken = numbersOf('a').length - before
      rounds.push({ with: reloading, without: await during(() => more('a', taken)) })
    }
    expect(rounds.at(-1)!.with, JSON.stringify(rounds)).toBeLessThanOrEqual(rounds.at(-1)!.without)
    expect(decoders(process.pid)).toContain(own)
    expect(new Set(numbersOf('a')).size).toBe(count)
  })
})
