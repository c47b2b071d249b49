import { spawn } from 'node:child_process'
import { chmod, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { InputError } from '../../../src/core/errors.js'
import { askCameras, askReference } from '../../../src/daemon/control/client.js'
import { controlSocket } from '../../../src/daemon/control/socket.js'
import { SettableClock } from '../../support/settable-clock.js'
import { patience, until } from '../../support/slowness.js'
import { never, temporaryFolder, testCamera, testControl } from './rig.js'

/** Another process that listens there. */
async function otherProcess(path: string): Promise<{ kill(): Promise<void>; stop(): void; go(): void }> {
  const script = `require('node:net').createServer(() => {}).listen(${JSON.stringify(path)}, () => console.log('listens'))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = new Promise<void>((done) => child.once('close', () => done()))
  onTestFinished(() => void child.kill('SIGKILL'))
  await new Promise((done) => child.stdout.once('data', done))
  return {
    kill: async () => {
      child.kill('SIGKILL')
      await closed
    },
    stop: () => void child.kill('SIGSTOP'),
    go: () => void child.kill('SIGCONT')
  }
}

const codes = (lines: readonly Record<string, unknown>[]): unknown[] => lines.map(({ code }) => code).filter(Boolean)

const isRoot = process.getuid?.() === 0

describe('where the control socket lies', () => {
  it('in the runtime folder of the service, without one in the folder of the outbox', () => {
    expect(controlSocket('/var/lib/painlens/outbox', { RUNTIME_DIRECTORY: '/run/painlens' })).toBe(
      '/run/painlens/control.sock'
    )
    expect(controlSocket('/var/lib/painlens/outbox', { RUNTIME_DIRECTORY: '/run/a:/run/b' })).toBe(
      '/run/a/control.sock'
    )
    expect(controlSocket('/var/lib/painlens/outbox', {})).toBe('/var/lib/painlens/outbox/control.sock')
  })
})

describe('the control socket', () => {
  it('tells since when painlens runs by the clock as it is now, which may have been set since', async () => {
    const world = new SettableClock(Date.parse('1970-01-01T00:00:05Z'))
    const path = join(await temporaryFolder(), 'control.sock')
    await testControl(path, [], { clock: world.clock })
    world.pass(60_000)
    world.set(Date.parse('2026-11-29T12:01:00Z') - world.timeOfDay)
    expect((await askCameras(path, never))?.started).toBe('2026-11-29T12:00:00.000Z')
  })

  it('belongs to its owner alone, and is gone after the stop', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'control.sock')
    const { control } = await testControl(path, [(await testCamera()).watched])
    const { mode } = await lstat(path)
    expect((mode & 0o777).toString(8)).toBe('600')
    expect(await readdir(folder)).toEqual(['control.sock'])
    expect((await askCameras(path, never))?.cameras.map(({ id }) => id)).toEqual(['bed'])
    await control.stop()
    expect(await readdir(folder)).toEqual([])
    expect(await askCameras(path, never)).toBeNull()
  })

  it.skipIf(!isRoot)('another user is refused by the kernel', async () => {
    const folder = await temporaryFolder()
    await chmod(folder, 0o755)
    const path = join(folder, 'control.sock')
    await testControl(path)
    const script = `require('node:net').connect(${JSON.stringify(path)}).on('error', (e) => console.log(e.code)).on('connect', () => console.log('in'))`
    const asked = spawn(process.execPath, ['-e', script], {
      uid: 65534,
      gid: 65534,
      stdio: ['ignore', 'pipe', 'inherit']
    })
    let said = ''
    asked.stdout.on('data', (chunk) => {
      said += String(chunk)
    })
    await new Promise((done) => asked.once('close', done))
    expect(said).toBe('EACCES\n')
  })

  it('of a killed process is replaced', async () => {
    const path = join(await temporaryFolder(), 'control.sock')
    await (await otherProcess(path)).kill()
    expect((await lstat(path)).isSocket()).toBe(true)
    expect(await askCameras(path, never)).toBeNull()
    const { lines } = await testControl(path)
    expect(codes(lines)).toEqual([])
    expect((await askCameras(path, never))?.device).toBe('d')
  })

  it('of a running process stays, even of one that does not answer, and is taken over once that is gone', async () => {
    const path = join(await temporaryFolder(), 'control.sock')
    const other = await otherProcess(path)
    other.stop()
    const { ino } = await lstat(path)
    const { control, lines } = await testControl(path, [], { retryMs: 50 })
    await until(() => codes(lines).length > 0, 'the first try')
    await new Promise((done) => setTimeout(done, 200))
    expect(codes(lines)).toEqual(['PL-CONTROL-TAKEN'])
    expect((await lstat(path)).ino).toBe(ino)
    other.go()
    await other.kill()
    await until(() => askCameras(path, never), 'the socket to be taken over')
    await control.stop()
  })

  it('of several daemons that start at the same time is served by one, whose stop leaves it to the next', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'control.sock')
    await (await otherProcess(path)).kill()
    const all = await Promise.all(Array.from({ length: 8 }, (_, i) => testControl(path, [], { device: `d${i}` })))
    const serving = all.filter(({ lines }) => codes(lines).length === 0)
    expect(serving).toHaveLength(1)
    expect((await askCameras(path, never))?.device).toBe(`d${all.indexOf(serving[0]!)}`)
    for (const { control } of all.filter((one) => one !== serving[0])) await control.stop()
    expect(await readdir(folder)).toEqual(['control.sock'])
    expect(await askCameras(path, never)).not.toBeNull()
  })

  it('a file or folder in its place is left as it is', async () => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'a'), 'mine')
    await mkdir(join(folder, 'b'))
    const [a, b] = [await testControl(join(folder, 'a')), await testControl(join(folder, 'b'))]
    expect([...codes(a.lines), ...codes(b.lines)]).toEqual(['PL-CONTROL-LISTEN', 'PL-CONTROL-LISTEN'])
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('mine')
    expect(await readdir(folder)).toEqual(['a', 'b'])
  })

  it('in a folder that is missing, or at a path that is too long, is reported with its reason, and tried again', async () => {
    const folder = await temporaryFolder()
    const missing = join(folder, 'later', 'control.sock')
    const { lines } = await testControl(missing, [], { retryMs: 50 })
    expect(lines.at(-1)).toMatchObject({ code: 'PL-CONTROL-LISTEN', level: 'warn' })
    expect(String(lines.at(-1)!.error)).toContain('ENOENT')
    await mkdir(join(folder, 'later'))
    await until(() => askCameras(missing, never), 'the socket in the folder that came later')

    const long = await testControl(join(folder, 'x'.repeat(100), 'control.sock'))
    expect(String(long.lines.at(-1)!.error)).toContain('its path is longer than 100 bytes')
  })
})

describe('a client that misbehaves', () => {
  const open = (path: string): Socket => {
    const socket = connect(path)
    socket.on('error', () => undefined).resume()
    onTestFinished(() => void socket.destroy())
    return socket
  }
  const ended = (socket: Socket): Promise<void> => new Promise((done) => void socket.once('close', () => done()))

  it('is cut off when it says nothing, or half a request, and others are answered then', {
    timeout: patience(40_000)
  }, async () => {
    const path = join(await temporaryFolder(), 'control.sock')
    await testControl(path)
    const silent = Array.from({ length: 12 }, () => open(path))
    for (const socket of silent.slice(6)) socket.write('GET /cameras HTTP/1.1\r\nx-half: ')
    const ends = Promise.all(silent.map(ended))
    await until(() => askCameras(path, never).catch(() => null), 'an answer', 15_000)
    await ends
  })

  it('gets an HTTP error for a malformed or oversized request and for an unknown path', async () => {
    const path = join(await temporaryFolder(), 'control.sock')
    await testControl(path)
    const said = async (text: string): Promise<string> => {
      const socket = open(path)
      let answer = ''
      socket.on('data', (chunk) => {
        answer += String(chunk)
      })
      socket.write(text)
      await ended(socket)
      return answer.split('\r\n')[0]!
    }
    const close = 'host: x\r\nconnection: close\r\n\r\n'
    expect(await said('nonsense\r\n\r\n')).toBe('HTTP/1.1 400 Bad Request')
    expect(await said(`GET /nothing HTTP/1.1\r\n${close}`)).toBe('HTTP/1.1 404 Not Found')
    expect(await said(`POST /cameras HTTP/1.1\r\n${close}`)).toBe('HTTP/1.1 404 Not Found')
    expect(await said(`GET /cameras HTTP/1.1\r\nx: ${'x'.repeat(9000)}\r\n${close}`)).toMatch(/431/)
  })
})

describe('a resting face is asked for', () => {
  it('and refused with what is wrong, where and what to do, as over MQTT', async () => {
    const path = join(await temporaryFolder(), 'control.sock')
    const asked: unknown[] = []
    const reference = async (args: unknown) => {
      asked.push(args)
      const fix = 'Name one of: bed.'
      throw new InputError('PL-REFERENCE-ZONE', 'there is no zone "wall"', 'camera bed', { fix })
    }
    await testControl(path, [(await testCamera()).watched], { reference })
    const wanted = { camera: 'bed', zone: 'wall', seconds: 10, by: 'nurse 7', remove: false }
    await expect(askReference(path, wanted, never)).rejects.toMatchObject({
      code: 'PL-REFERENCE-ZONE',
      message: 'camera bed: there is no zone "wall". Name one of: bed.'
    })
    expect(asked).toEqual([wanted])
    for (const [wrong, named] of [
      [{ seconds: 3 }, 'seconds: found a number, allowed is a whole number from 5 to 300$'],
      [{ seconds: 7.5 }, 'seconds: '],
      [{ by: '' }, 'by: found empty text'],
      [{ by: '  ' }, 'by: found blank text'],
      [{ by: 'x'.repeat(101) }, 'by: '],
      [{ camera: 'x'.repeat(101) }, 'camera: ']
    ] as const)
      await expect(askReference(path, { ...wanted, ...wrong }, never)).rejects.toMatchObject({
        code: 'PL-COMMAND-INVALID',
        what: expect.stringMatching(new RegExp(`^${named}`)) as string
      })
    expect(asked).toHaveLength(1)
  })
})
