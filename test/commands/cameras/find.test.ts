import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { type FindCamerasOptions, findCamerasCommand } from '../../../src/commands/cameras/index.js'
import { type FindOptions, type FoundCamera, findCameras } from '../../../src/onvif/index.js'
import { fakeDevice } from '../../onvif/fake-device.js'
import { patience } from '../../support/slowness.js'

const fingerprint = Array(32).fill('AB').join(':')
const found: FoundCamera[] = [
  {
    address: '192.0.2.4',
    name: 'Example Dome',
    problem: null,
    profiles: [
      { name: 'main', width: 1920, height: 1080, fps: 15, codec: 'H264', url: 'rtsp://192.0.2.4/main' },
      { name: 'odd', width: null, height: null, fps: null, codec: null, url: null }
    ]
  },
  { address: '192.0.2.5', name: null, profiles: [], problem: { code: 'PL-ONVIF-LOGIN', message: 'no', fix: 'Log in.' } }
]

const nothing = { user: undefined, passwordFile: undefined, fingerprint: undefined, json: undefined }

/** The command with a search that answers `cameras`, or the real one in `find`. */
async function run(
  options: Partial<FindCamerasOptions>,
  { typed = '', env = {}, cameras = found, find }: RunOptions = {}
) {
  const [asked, written, said]: [FindOptions[], string[], string[]] = [[], [], []]
  const output = new PassThrough()
  output.on('data', (chunk) => said.push(String(chunk)))
  const status = await findCamerasCommand({ ...nothing, ...options }, new AbortController().signal, {
    write: (text) => void written.push(text),
    complain: (text) => void said.push(text),
    env,
    terminal: { input: Readable.from([typed]), output },
    find: async (given) => {
      asked.push(given)
      return find ? find(given) : cameras
    }
  })
  return { status, asked: asked[0]!, written: written.join(''), said: said.join('') }
}

interface RunOptions {
  typed?: string
  env?: Record<string, string>
  cameras?: FoundCamera[]
  find?: (options: FindOptions) => Promise<FoundCamera[]>
}

describe('painlens cameras find', () => {
  it('lists each camera with its profiles, and the address of each stream on a line of its own', async () => {
    const { status, written } = await run({})
    expect(status).toBe(0)
    expect(written).toBe(`192.0.2.4  Example Dome
  main, 1920x1080, 15 fps, H264
    rtsp://192.0.2.4/main
  odd
    no stream at its own address

192.0.2.5
  no
  → Log in. [PL-ONVIF-LOGIN]
`)
  })

  it('prints JSON alone on standard output where that is asked for, also of nothing', async () => {
    expect(JSON.parse((await run({ json: true })).written)).toEqual(found)
    const { status, written, said } = await run({ json: true }, { cameras: [] })
    expect([status, JSON.parse(written)]).toEqual([0, []])
    expect(said).toContain('No device has answered')
  })

  it('takes a password from a file, else from the environment, else from the terminal, without showing it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'painlens-cameras-'))
    try {
      const passwordFile = join(folder, 'password')
      await writeFile(passwordFile, 'of-the-file\n')
      const env = { PAINLENS_CAMERA_PASSWORD: 'of-the-environment' }
      const user = 'viewer'
      expect((await run({ user, passwordFile }, { env })).asked).toMatchObject({ user, password: 'of-the-file' })
      expect((await run({ user }, { env })).asked).toMatchObject({ user, password: 'of-the-environment' })
      const { asked, said, written } = await run({ user }, { typed: 'typed-in\n' })
      expect(asked).toMatchObject({ user, password: 'typed-in' })
      expect(said).toContain('Password of viewer at the cameras')
      expect(said + written).not.toContain('typed-in')
      expect((await run({}, { env })).asked).toMatchObject({ user: null, password: null })
      await expect(run({ user, passwordFile: join(folder, 'none') })).rejects.toMatchObject({
        code: 'PL-CONFIG-PLACEHOLDER-FILE'
      })
      await expect(run({ user })).rejects.toMatchObject({ code: 'PL-INIT-NO-ANSWER' })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('refuses a malformed fingerprint before it asks anything', async () => {
    expect((await run({ fingerprint: [fingerprint] })).asked.fingerprints).toEqual([fingerprint])
    await expect(run({ fingerprint: [fingerprint, 'AB:CD'] })).rejects.toMatchObject({ code: 'PL-OPTION-VALUE' })
  })

  it("refuses a password's file without a user, since no login would be sent", async () => {
    await expect(run({ passwordFile: 'any' })).rejects.toMatchObject({
      code: 'PL-OPTION-VALUE',
      where: '--password-file'
    })
  })

  it('finds a camera of the network', { timeout: patience(30_000) }, async () => {
    const { target } = await fakeDevice('127.0.0.21')
    const find = (options: FindOptions) => findCameras({ ...options, targets: [target], listenMs: patience(600) })
    const { written } = await run({}, { find })
    expect(written).toContain('127.0.0.21  Example Dome 4\n  main, 1920x1080, 15 fps, H264\n    rtsp://127.0.0.21:554/')
  })
})
