import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { afterAll, test as base, describe } from 'vitest'
import { createAuthenticator } from '../../../../src/show/simulate/rtsp-server-login.js'
import { type CameraCheck, type CameraTls, checkCamera, type Decoder } from '../../../../src/stages/camera/index.js'
import { makeCertificates } from '../../../support/certificates.js'
import { patience, patienceNow } from '../../../support/slowness.js'
import { World } from '../gst-world.js'
import { colourAt, nameOf, nextFrames, type Rig, redAndBlue } from '../rig.js'

const it = base.extend<{ world: World }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads the parameter's own source text.
  world: async ({}, use) => {
    const world = await World.open()
    await use(world)
    await world.close()
  }
})

const certificates = makeCertificates()
afterAll(() => rmSync(certificates.folder, { recursive: true }))

/** One try, also on a machine that is busy. */
const patient = { connectMs: patience(15_000), readMs: patience(8000) }

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** An HTTP camera; what it was asked for is kept. */
async function camera(rig: Rig, handler: Handler, encrypted = false) {
  const asked: string[] = []
  const answer: Handler = (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    handler(request, response)
  }
  const { cert, key } = certificates.server
  const server = encrypted
    ? createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, answer)
    : createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  rig.own(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { asked, host: `127.0.0.1:${(server.address() as { port: number }).port}` }
}

/** FFmpeg's MJPEG, in parts as cameras send it. */
function stream(rig: Rig, pictures = redAndBlue): Handler {
  return (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'multipart/x-mixed-replace; boundary=ffmpeg' })
    const encoder = ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-f', 'mpjpeg', 'pipe:1']
    const child = spawn('ffmpeg', ['-v', 'fatal', '-re', '-f', 'lavfi', '-i', pictures, ...encoder])
    child.stdin.end()
    const closed = once(child, 'close')
    child.stdout.pipe(response)
    response.on('close', () => child.kill('SIGKILL'))
    rig.own(async () => {
      child.kill('SIGKILL')
      await closed
    })
  }
}

const check = (rig: Rig, url: string, tls?: CameraTls, decoder: Decoder = rig.decoder): Promise<CameraCheck> =>
  checkCamera({ id: 'bed', url, tls, decoder, secrets: rig.secrets, timeoutMs: patienceNow(8000) })

describe.concurrent('an HTTP camera', () => {
  it.for(['ffmpeg', 'gstreamer'] as const)('is watched by %s with one request', async (name, { world, expect }) => {
    const { rig } = world
    const { asked, host } = await camera(rig, stream(rig))
    const decoder = name === 'gstreamer' ? world.decoder() : rig.decoder
    const watched = rig.camera(`http://${host}/video.mjpg?res=1`, { decoder, timing: patient })
    watched.start()
    const [frame] = await nextFrames(watched, 3)
    expect(nameOf(colourAt(frame!.pixels, { width: 160, height: 120 }, 0.25, 0.5))).toBe('red')
    expect(asked).toEqual(['GET /video.mjpg?res=1'])
  })

  it('is told with the rate at which its pictures come, since it declares none', async ({ world: { rig }, expect }) => {
    const { host } = await camera(rig, stream(rig, 'testsrc=s=160x120:r=4'))
    expect((await check(rig, `http://${host}/video`)).fps).toBeLessThan(12)
  })

  it('that redirects is not followed, neither elsewhere nor on itself', async ({ world: { rig }, expect }) => {
    const elsewhere = await camera(rig, (_request, response) => response.end())
    for (const location of [`http://${elsewhere.host}/secret`, '/other', 'file:///etc/passwd']) {
      const { asked, host } = await camera(rig, (_request, response) =>
        response.writeHead(302, { Location: location }).end()
      )
      const checking = check(rig, `http://admin:right@${host}/video`)
      await expect(checking).rejects.toMatchObject({ code: 'PL-CAMERA-REDIRECT' })
      expect(asked).toEqual(['GET /video'])
    }
    expect(elsewhere.asked).toEqual([])
  })

  it('that sends a page or a playlist in the place of pictures makes painlens fetch nothing', async ({
    world: { rig },
    expect
  }) => {
    const elsewhere = await camera(rig, (_request, response) => response.end())
    const playlist = `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://${elsewhere.host}/piece.ts\n#EXT-X-ENDLIST\n`
    for (const type of ['text/html', 'application/vnd.apple.mpegurl', 'video/mp4', undefined]) {
      const { host } = await camera(rig, (_request, response) => {
        if (type) response.setHeader('Content-Type', type)
        response.end(playlist)
      })
      await expect(check(rig, `http://${host}/video.m3u8`), type).rejects.toThrow(/no video stream|ended|no picture/)
    }
    expect(elsewhere.asked).toEqual([])
  })

  it.for(['basic', 'digest', 'digest-sha-256'] as const)(
    'lets painlens in by %s',
    async (scheme, { world: { rig }, expect }) => {
      const login = { user: 'admin', password: 'p@ss:w/rd', scheme }
      const door = createAuthenticator(login)
      const pictures = stream(rig)
      const { host, asked } = await camera(rig, (request, response) => {
        if (door.accepts('GET', request.headers.authorization)) pictures(request, response)
        else response.writeHead(401, { 'WWW-Authenticate': door.challenge() }).end()
      })
      expect(await check(rig, `http://admin:${encodeURIComponent(login.password)}@${host}/v`)).toMatchObject({
        codec: 'mjpeg'
      })
      expect(asked).toHaveLength(2)
      await expect(check(rig, `http://admin:wrong@${host}/v`)).rejects.toMatchObject({ code: 'PL-CAMERA-LOGIN' })
      await expect(check(rig, `http://${host}/v`)).rejects.toThrow(/wants a user name/)
    }
  )

  it('over TLS is verified as others are', async ({ world: { rig }, expect }) => {
    const { host, asked } = await camera(rig, stream(rig), true)
    await expect(check(rig, `https://admin:right@${host}/v`)).rejects.toMatchObject({ code: 'PL-CAMERA-CERTIFICATE' })
    expect(asked).toEqual([])
    expect(await check(rig, `https://${host}/v`, { ca: certificates.ca, serverName: 'localhost' })).toMatchObject({
      codec: 'mjpeg',
      shape: { coded: { width: 160 } }
    })
  })

  it.for([
    [404, 'PL-CAMERA-PATH'],
    [403, 'PL-CAMERA-FORBIDDEN'],
    [503, 'PL-CAMERA-FAULT'],
    [400, 'PL-CAMERA-ANSWER']
  ] as const)('that answers %i is told as %s', async ([status, code], { world: { rig }, expect }) => {
    const { host } = await camera(rig, (_request, response) => response.writeHead(status).end())
    await expect(check(rig, `http://${host}/v`)).rejects.toMatchObject({ code })
  })

  it.for(['hello', '#EXTM3U\n', 'ffconcat version 1.0\nfile x\n'])(
    'that answers 200 and sends %j, which is no video, is told so, and not as one that has ended its stream',
    async (text, { world: { rig }, expect }) => {
      const { host } = await camera(rig, (_request, response) =>
        response.writeHead(200, { 'Content-Type': 'application/octet-stream' }).end(text)
      )
      await expect(check(rig, `http://${host}/v`)).rejects.toMatchObject({ code: 'PL-CAMERA-NOT-VIDEO' })
    }
  )

  it('that hangs up, and one that says nothing, are told apart', async ({ world: { rig }, expect }) => {
    const hasty = await camera(rig, (request) => request.socket.destroy())
    await expect(check(rig, `http://${hasty.host}/v`)).rejects.toMatchObject({ code: 'PL-CAMERA-HANGS-UP' })
    const silent = await camera(rig, () => undefined)
    const about = { id: 'bed', url: `http://${silent.host}/v`, decoder: rig.decoder, secrets: rig.secrets }
    await expect(checkCamera({ ...about, timeoutMs: patienceNow(5000) })).rejects.toMatchObject({
      code: 'PL-CAMERA-SILENT'
    })
  })
})
