import { expect, it, onTestFinished } from 'vitest'
import { type Log, silentLog } from '../../src/core/log.js'
import { Finder } from '../../src/daemon/wiring/finder.js'
import type { FindOptions, FoundCamera } from '../../src/onvif/index.js'
import { until } from '../support/slowness.js'
import { logIn, post, servePage, tokens } from './rig.js'

const found: FoundCamera[] = [{ address: '192.0.2.4', name: 'Dome', profiles: [], problem: null }]

/** A search that ends when the test lets it. */
function setUp() {
  const lines: unknown[] = []
  const note = (...line: unknown[]): void => void lines.push(line)
  const log: Log = { ...silentLog, info: note, warn: note }
  const asked: FindOptions[] = []
  let end: (cameras: FoundCamera[]) => void = () => undefined
  const find = (options: FindOptions): Promise<FoundCamera[]> => {
    asked.push(options)
    return new Promise((resolve, reject) => {
      end = resolve
      options.signal.addEventListener('abort', () => reject(options.signal.reason))
    })
  }
  const finder = new Finder({ log, find })
  onTestFinished(() => finder.stop())
  return { finder, lines, log, asked, end: (cameras: FoundCamera[]) => end(cameras) }
}

it('a search is for technicians, one at a time, and its password is neither logged nor told', async () => {
  const { finder, lines, log, asked, end } = setUp()
  const { url } = await servePage({ finder, log })
  const fingerprints = [`${'AB:'.repeat(31)}CD`]
  const login = { user: 'viewer', password: 'camera-password', fingerprints }
  const search = async (token: string) => {
    const headers = { cookie: await logIn(url, token) }
    const { status } = await post(url, '/api/find', login, headers)
    const state = await fetch(`${url}/api/find`, { headers })
    return [status, state.status, await state.text()]
  }
  expect((await search(tokens.ward)).slice(0, 2)).toEqual([401, 401])
  expect(await search(tokens.technician)).toEqual([200, 200, JSON.stringify({ running: true, cameras: null })])
  expect((await search(tokens.technician))[0]).toBe(409)
  end(found)
  await until(() => !finder.state().running, 'the end of the search')
  expect(finder.state()).toEqual({ running: false, cameras: found })
  expect(asked).toMatchObject([login])
  expect(JSON.stringify(lines)).not.toContain('camera-password')
  expect(JSON.stringify(lines)).toContain('viewer')
})

it('a search ends with painlens, and one that was broken off can be begun again', async () => {
  const { finder, asked } = setUp()
  finder.start({ user: '', password: '', fingerprints: [] })
  expect(asked).toMatchObject([{ user: null, password: null }])
  await finder.stop()
  expect(finder.state()).toEqual({ running: false, cameras: null })
})
