import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createLog, silentLog } from '../../src/core/log.js'
import { Secrets } from '../../src/core/secrets.js'
import { startFeed } from '../../src/show/simulate/feed.js'
import { startRtspServer } from '../../src/show/simulate/rtsp-server.js'

const hash = '6629fae49393a05397450978507c4ef1'
const header = `Authorization: Digest username="u", realm="r", nonce="n", uri="rtsp://10.0.0.7/1", response="${hash}"`

describe('the hash of a Digest response', () => {
  it.each([
    ['as RFC 7616 writes it', header],
    ['without quotes', header.replace(/response=.*/, `response=${hash}`)],
    ['by SHA-512', header.replace(hash, hash.repeat(4))],
    ['in upper case', header.replace(hash, hash.toUpperCase())],
    ['in JSON', JSON.stringify({ header })],
    ['in JSON within JSON', JSON.stringify(JSON.stringify({ header }))]
  ])('the hash of a Digest response is redacted %s, even when no password is known', (_, said) => {
    const clean = new Secrets().redact(said)
    expect(clean).not.toMatch(/[0-9a-f]{16}/i)
    expect(clean).toContain('response=')
    expect(clean).toContain('realm=')
  })

  it('other hashes and words are not redacted', () => {
    const said = `sha256=${hash}${hash} response=ok responses=${hash}`
    expect(new Secrets().redact(said)).toBe(said)
  })

  it('a Digest hash printed by a real ffmpeg appears in no log line', async () => {
    const credentials = { user: 'viewer', password: 'camera-s3cret', scheme: 'digest' } as const
    const server = await startRtspServer({ credentials, log: silentLog })
    onTestFinished(() => server.stop())
    const picture = { width: 64, height: 64, fps: 5 }
    const frames = { lavfi: 'testsrc2=size=64x64:rate=5' }
    const feed = await startFeed({ server, path: '/a', codec: 'h264', ...picture, frames, log: silentLog })
    onTestFinished(() => feed.stop())
    const quiet = ['-hide_banner', '-nostdin', '-loglevel', 'trace', '-rtsp_transport', 'tcp']
    const ffmpeg = spawn('ffmpeg', [...quiet, '-i', server.url('/a'), '-frames:v', '1', '-f', 'null', '-'])
    const [said] = await Promise.all([text(ffmpeg.stderr), once(ffmpeg, 'exit')])
    const told = /response="([0-9a-f]{32})"/.exec(said)?.[1]
    expect(told, said.slice(0, 2000)).toBeDefined()
    const secrets = new Secrets()
    secrets.addUrl(server.url('/a'))
    let logged = ''
    const log = createLog('debug', secrets, (line) => {
      logged += line
    })
    for (const line of said.split('\n')) log.debug({ line }, 'decoder')
    expect(logged).toContain('response=')
    expect(logged).not.toContain(told)
    expect(logged).not.toContain('camera-s3cret')
  })
})
