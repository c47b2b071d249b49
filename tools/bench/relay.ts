/** What the relay between camera and decoder costs, by the stream that passes through it. */
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { silentLog } from '#painlens/core/log.js'
import { startFeed } from '#painlens/show/simulate/feed.js'
import { startRtspServer } from '#painlens/show/simulate/rtsp-server.js'
import type { RelayCost } from './relay-child.js'
import { table } from './table.js'

const run = promisify(execFile)
const child = fileURLToPath(new URL('./relay-child.js', import.meta.url))
const credentials = { user: 'bench', password: 'bench-password', scheme: 'digest' } as const

const streams = [
  { name: '1280x720, 15 fps', width: 1280, height: 720, fps: 15 },
  { name: '1920x1080, 25 fps', width: 1920, height: 1080, fps: 25 }
]

/** @returns a Markdown table: share of one core, by stream, without and with TLS */
export async function relayTable(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-bench-'))
  try {
    const certificate = await selfSigned(folder)
    const rows: string[][] = []
    for (const stream of streams)
      for (const tls of [undefined, certificate]) {
        const { cpu, megabits } = await measure(stream, tls, folder)
        const share = `${cpu.toFixed(2)} %`
        rows.push([
          stream.name,
          tls ? 'TLS' : 'none',
          `${megabits.toFixed(1)} Mbit/s`,
          share,
          `${(cpu / megabits).toFixed(3)} %`
        ])
      }
    return table(['stream', 'encryption', 'bit rate', 'of one core', 'per Mbit/s'], rows)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type Certificate = { cert: string; key: string }

async function measure(
  { width, height, fps }: (typeof streams)[number],
  tls: Certificate | undefined,
  folder: string
): Promise<RelayCost> {
  const server = await startRtspServer({ credentials, tls, log: silentLog })
  const frames = { lavfi: `testsrc2=s=${width}x${height}:r=${fps}` }
  const feed = await startFeed({ server, path: '/bed', codec: 'h264', width, height, fps, frames, log: silentLog })
  try {
    const fingerprint = tls ? new X509Certificate(tls.cert).fingerprint256 : ''
    const { stdout } = await run(process.execPath, [child, feed.url, fingerprint, join(folder, 'stream.h264')])
    return JSON.parse(stdout) as RelayCost
  } finally {
    await feed.stop()
    await server.stop()
  }
}

async function selfSigned(folder: string): Promise<Certificate> {
  const [key, cert] = [join(folder, 'camera.key'), join(folder, 'camera.pem')]
  const about = ['-nodes', '-days', '2', '-subj', '/CN=camera', '-keyout', key, '-out', cert]
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', ...about])
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') }
}
