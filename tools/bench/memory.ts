/** The largest memory that the real daemon takes, with a camera, a classifier and its explanations. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { stringify } from 'yaml'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { startBroker } from '#painlens/show/demo/broker.js'
import { startPainlens } from '#painlens/show/demo/child.js'
import { startCamera } from './latency.js'
import { alwaysAlarming } from './latency-scenes.js'
import { table } from './table.js'
import { unitEnvironment } from './unit-environment.js'

/** `explanation.engine` and `session`, and the aim of the peak over the model's file. */
const settings = [
  { engine: 'onnx', session: 'shared', aim: '2.3' },
  { engine: 'onnx', session: 'own', aim: '3.0' },
  { engine: 'tfjs', session: 'own', aim: '' },
  { engine: 'auto', session: 'own', aim: '' }
] as const
type Setting = (typeof settings)[number]
const patienceMs = 180_000

/** @returns a Markdown table: the peak resident memory of the daemon alone, its ffmpeg not included, after an explained alarm */
export async function memoryTable(manifest: Manifest): Promise<string> {
  const { size } = await stat(manifest.file)
  const rows: string[][] = []
  for (const setting of settings) {
    const { peak, explained } = await peakOf(manifest, setting)
    const { engine, session, aim } = setting
    rows.push([engine, session, explained, `${megabytes(peak)} MB`, (peak / size).toFixed(2), aim])
  }
  const head = [
    'explanation.engine',
    'session',
    'explained by',
    'peak',
    `over the model's ${megabytes(size)} MB`,
    'aim'
  ]
  return table(head, rows)
}

/** Every face is in pain to this config: the model's weights are random. */
function configOf(
  folder: string,
  { camera, broker }: { camera: string; broker: string },
  { engine, session }: Setting,
  model: string
) {
  return stringify({
    device: 'bench',
    mqtt: { url: broker },
    cameras: [{ id: 'bed-1', url: camera, fps: 1 }],
    model: { manifest: model },
    alarm: alwaysAlarming,
    explanation: { engine, session, threshold: 0, threads: 2 },
    outbox: { path: join(folder, 'outbox') }
  })
}

async function peakOf(manifest: Manifest, setting: Setting): Promise<{ peak: number; explained: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-bench-'))
  const broker = await startBroker({ port: 0 })
  const camera = await startCamera()
  const config = join(folder, 'painlens.yaml')
  const model = manifest.file.replace(/\.onnx$/, '.yaml')
  await writeFile(config, configOf(folder, { camera: camera.url, broker: broker.url }, setting, model))
  const client = await connectAsync(broker.url, { protocolVersion: 4 })
  await client.subscribeAsync('painlens/bench/explanation')
  const explanation = new Promise<string>((resolve, reject) => {
    client.on('message', (_, payload) => resolve((JSON.parse(payload.toString()) as { engine: string }).engine))
    setTimeout(() => reject(new Error(`no explanation came within ${patienceMs / 1000} s`)), patienceMs).unref()
  })
  const daemon = startPainlens({ args: ['run', '--config', config], env: unitEnvironment(), onLine: () => undefined })
  try {
    const explained = await explanation
    return { explained, peak: await highWaterMark(daemon.pid) }
  } finally {
    await client.endAsync(true)
    await Promise.all([daemon.stop(2500), camera.child.stop(2500)])
    await broker.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** In bytes, as Linux has it (proc(5), VmHWM). */
async function highWaterMark(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0)
