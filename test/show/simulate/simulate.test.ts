import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { simulateCommand } from '../../../src/commands/simulate/index.js'
import { PortInUseError, ProgramError, UsageError } from '../../../src/core/errors.js'
import { silentLog } from '../../../src/core/log.js'
import type { Day } from '../../../src/show/simulate/day.js'
import { type Simulation, type StretchEvent, startSimulation } from '../../../src/show/simulate/simulate.js'
import { patience, until } from '../../support/slowness.js'
import { childrenNamed } from './processes.js'

const shortDay: Day = {
  stretches: [
    { expression: 'neutral', intensity: 0, seconds: 1 },
    { expression: 'pain', intensity: 1, seconds: 1 }
  ],
  loop: true,
  seed: 1
}
const small = { width: 320, height: 180, fps: 5, day: shortDay, log: silentLog }

/** What a real ffmpeg reads from the camera: bytes of so many RGB frames. */
async function read(url: string, frames: number): Promise<Buffer> {
  const player = spawn(
    'ffmpeg',
    [
      '-loglevel',
      'error',
      '-rtsp_transport',
      'tcp',
      '-i',
      url,
      '-frames:v',
      String(frames),
      '-f',
      'rawvideo',
      '-pix_fmt',
      'rgb24',
      '-'
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  const chunks: Buffer[] = []
  player.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(player, 'close')
  return Buffer.concat(chunks)
}

describe('startSimulation', () => {
  let simulation: Simulation | undefined
  afterEach(async () => {
    await simulation?.stop()
    simulation = undefined
  })

  it('a real ffmpeg receives moving pictures, stretches are announced, and no process or port is left', async () => {
    const events: (string | StretchEvent)[] = []
    // On a busy machine its first picture comes late, and the second stretch none the later.
    const firstMs = patience(1000)
    const [neutral, pain] = shortDay.stretches
    simulation = await startSimulation({
      ...small,
      day: { ...shortDay, stretches: [{ ...neutral!, seconds: firstMs / 1000 }, pain!] },
      credentials: { user: 'nurse', password: 'p@ss:w/rd?#%&"\'', scheme: 'digest' },
      onReady: (url) => events.push(url),
      onStretch: (stretch) => events.push(stretch)
    })
    const frameBytes = 320 * 180 * 3
    const pictures = await read(simulation.url, 8)
    expect(pictures).toHaveLength(8 * frameBytes)
    expect(Buffer.compare(pictures.subarray(0, frameBytes), pictures.subarray(7 * frameBytes))).not.toBe(0)
    expect(events[0]).toBe(simulation.url)
    await until(() => events.length >= 3, 'the second stretch')
    const stretches = events.slice(1) as StretchEvent[]
    expect(stretches.slice(0, 2).map(({ expression }) => expression)).toEqual(['neutral', 'pain'])
    expect(stretches[1]!.at - stretches[0]!.at).toBeGreaterThan(firstMs / 2)
    await simulation.stop()
    await simulation.stop()
    expect(childrenNamed('ffmpeg')).toEqual([])
    await expect(simulation.ended).resolves.toBeUndefined()
  })

  it('the day begins with the first viewer, however late that comes', async () => {
    const stretches: StretchEvent[] = []
    simulation = await startSimulation({ ...small, onStretch: (stretch) => stretches.push(stretch) })
    // Some pictures long.
    await sleep(600)
    expect(stretches).toEqual([])
    const lookedAt = Date.now()
    await read(simulation.url, 2)
    expect(stretches[0]).toMatchObject({ expression: 'neutral' })
    expect(stretches[0]!.at).toBeGreaterThanOrEqual(lookedAt)
  })

  it('a taken port and a missing ffmpeg are reported', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    await expect(startSimulation({ ...small, rtspPort: port })).rejects.toBeInstanceOf(PortInUseError)
    taken.close()
    await expect(startSimulation({ ...small, ffmpeg: '/nowhere/ffmpeg' })).rejects.toBeInstanceOf(ProgramError)
  })
})

describe('painlens simulate', () => {
  const lines: string[] = []
  afterEach(() => {
    vi.restoreAllMocks()
    lines.length = 0
  })
  const listen = (): void => {
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      lines.push(String(text))
      return true
    })
  }

  it('painlens simulate --json prints JSON lines, the address first', async () => {
    listen()
    const end = new AbortController()
    const done = simulateCommand({ rtspPort: 0, json: true }, end.signal)
    await until(() => lines.length > 0, 'the address')
    const { event, url } = JSON.parse(lines[0]!) as Record<string, string>
    expect({ event, url }).toEqual({ event: 'ready', url: expect.stringMatching(/^rtsp:\/\/127\.0\.0\.1:\d+\/bed$/) })
    await read(url!, 2)
    end.abort()
    expect(await done).toBe(0)
    vi.restoreAllMocks()
    expect(JSON.parse(lines[1]!)).toEqual({
      event: 'stretch',
      expression: 'neutral',
      intensity: 0,
      seconds: 10,
      at: expect.any(Number)
    })
    expect(childrenNamed('ffmpeg')).toEqual([])
  })

  it('painlens simulate --seconds ends by itself, also where nothing has looked', async () => {
    listen()
    expect(await simulateCommand({ rtspPort: 0, seconds: 0.2 }, new AbortController().signal)).toBe(0)
    vi.restoreAllMocks()
    expect(lines).toHaveLength(1)
    expect(childrenNamed('ffmpeg')).toEqual([])
  })

  it('painlens simulate prints words without the password and stops on a signal', async () => {
    listen()
    const end = new AbortController()
    const done = simulateCommand({ rtspPort: 0, user: 'nurse', password: 'geheim-7' }, end.signal)
    await until(() => lines.length > 0, 'the address')
    await read(/rtsp:\S+/.exec(lines[0]!)![0].replace('***', 'geheim-7'), 2)
    end.abort()
    expect(await done).toBe(0)
    vi.restoreAllMocks()
    expect(lines.join('')).toMatch(/serves at rtsp:\/\/nurse:\*\*\*@127\.0\.0\.1:\d+\/bed/)
    expect(lines.join('')).toMatch(/The resident rests for 10 s\./)
    expect(lines.join('')).not.toContain('geheim')
    expect(childrenNamed('ffmpeg')).toEqual([])
  })

  it('painlens simulate for other computers without a password warns of it, and not otherwise', async () => {
    listen()
    const warned = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const start = async (options: object): Promise<string> => {
      warned.mockClear()
      // Cancelled before it serves.
      const end = new AbortController()
      end.abort()
      await simulateCommand({ rtspPort: 0, ...options }, end.signal)
      return warned.mock.calls.map(([text]) => String(text)).join('')
    }
    for (const host of ['0.0.0.0', '::'])
      expect(await start({ host })).toMatch(/^painlens: each computer that reaches .* Give --user/)
    for (const host of ['127.9.9.9', '::1']) expect(await start({ host })).toBe('')
    expect(await start({ host: '0.0.0.0', user: 'nurse', password: 'geheim-7' })).toBe('')
    vi.restoreAllMocks()
  })

  it('a start that is under way can be cancelled', async () => {
    listen()
    const end = new AbortController()
    const done = simulateCommand({ rtspPort: 0 }, end.signal)
    end.abort()
    expect(await done).toBe(0)
    vi.restoreAllMocks()
    expect(lines).toEqual([])
    expect(childrenNamed('ffmpeg')).toEqual([])
  })

  it('a user without a password, and a password without a user, are refused', async () => {
    const { signal } = new AbortController()
    await expect(simulateCommand({ rtspPort: 0, user: 'nurse' }, signal)).rejects.toBeInstanceOf(UsageError)
    await expect(simulateCommand({ rtspPort: 0, password: 'x' }, signal)).rejects.toBeInstanceOf(UsageError)
  })
})
