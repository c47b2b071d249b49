/** The largest memory that the real daemon takes, with a camera, a classifier and its explanations. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { stringify } from 'yaml'
import type { Manifest } from '#painlens/lib/model/manifest.js'
import { startBroker } from '#painlens/show/demo/broker.js'
import { besideChild, startPainlens } from '#painlens/show/demo/child.js'
import { childrenOf } from './children.js'
import { startCamera } from './latency.js'
import { alwaysAlarming } from './latency-scenes.js'
import { table } from './table.js'
import { unitEnvironment } from './unit-environment.js'

/** `explanation.engine` and `session`, `inference.precision`, and the aim of the peak over the float32 file. */
const settings = [
  { engine: 'onnx', session: 'shared', precision: 'float32', aim: '2.3' },
  { engine: 'onnx', session: 'shared', precision: 'int8', aim: '2.6' },
  { engine: 'onnx', session: 'own', precision: 'float32', aim: '3.0' },
  { engine: 'onnx', session: 'own', precision: 'int8', aim: '' },
  { engine: 'tfjs', session: 'own', precision: 'float32', aim: '' },
  { engine: 'auto', session: 'own', precision: 'float32', aim: '' }
] as const
type Setting = (typeof settings)[number]
const patienceMs = 600_000

/**
 * @param manifest with an int8 file
 * @returns a Markdown table: the peak resident memory of the daemon after an explained alarm, alone and with its ffmpeg
 */
export async function memoryTable(manifest: Manifest): Promise<string> {
  const { size } = await stat(manifest.file)
  const rows: string[][] = []
  for (const setting of settings) {
    const { daemon, children, explained } = await peakOf(manifest, setting)
    const { engine, session, precision, aim } = setting
    const peak = [`${megabytes(daemon)} MB`, (daemon / size).toFixed(2), aim, `${megabytes(daemon + children)} MB`]
    rows.push([engine, session, precision, explained, ...peak])
  }
  const over = `over the model's ${megabytes(size)} MB`
  return table(['explanation.engine', 'session', 'judges', 'explained by', 'peak', over, 'aim', 'with ffmpeg'], rows)
}

/** Every face is in pain to this config: the model's weights are random. */
function configOf(
  folder: string,
  { camera, broker }: { camera: string; broker: string },
  { engine, session, precision }: Setting,
  model: string
) {
  return stringify({
    device: 'bench',
    mqtt: { url: broker },
    cameras: [{ id: 'bed-1', url: camera, fps: 1 }],
    model: { manifest: model },
    inference: { precision },
    alarm: alwaysAlarming,
    explanation: { engine, session, threshold: 0, threads: 2 },
    outbox: { path: join(folder, 'outbox') }
  })
}

interface Peak {
  /** In bytes; so is the children's, summed up. */
  daemon: number
  children: number
  explained: string
}

async function peakOf(manifest: Manifest, setting: Setting): Promise<Peak> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-bench-'))
  const broker = await startBroker({ port: 0 })
  const camera = await startCamera()
  const config = join(folder, 'painlens.yaml')
  await writeFile(config, configOf(folder, { camera: camera.url, broker: broker.url }, setting, manifest.path))
  const client = await connectAsync(broker.url, { protocolVersion: 4 })
  await client.subscribeAsync('painlens/bench/explanation')
  const explanation = new Promise<string>((resolve, reject) => {
    client.on('message', (_, payload) => resolve((JSON.parse(payload.toString()) as { engine: string }).engine))
    setTimeout(() => reject(new Error(`no explanation came within ${patienceMs / 1000} s`)), patienceMs).unref()
  })
  const daemon = startPainlens({ args: ['run', '--config', config], env: unitEnvironment(), onLine: () => undefined })
  try {
    const explained = await besideChild(daemon, 'painlens run', explanation)
    const children = await Promise.all(childrenOf(daemon.pid).map(highWaterMark))
    return { explained, daemon: await highWaterMark(daemon.pid), children: children.reduce((a, b) => a + b, 0) }
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
