/** Capture to publish in the real daemon: two cameras at 5 fps, a broker, all on this machine. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { stringify } from 'yaml'
import type { HealthMessage } from '../core/messages.js'
import { startBroker } from '../demo/broker.js'
import { type Child, startPainlens } from '../demo/child.js'
import { ms, table } from './table.js'

export async function startCamera(): Promise<{ url: string; child: Child }> {
  return new Promise((resolve, reject) => {
    const child = startPainlens({
      args: ['simulate', '--json', '--rtsp-port', '0'],
      onLine: (line, stream) => {
        if (stream === 'stdout' && line.includes('"ready"'))
          resolve({ url: (JSON.parse(line) as { url: string }).url, child })
      }
    })
    void child.ended.then((code) => reject(new Error(`painlens simulate ended with ${code}`)))
  })
}

/** Both cameras watch one simulated bed, so that drawing it does not take the cores from what is measured. */
function configOf(folder: string, camera: string, broker: string): string {
  const cameras = ['bed-1', 'bed-2'].map((id) => ({ id, url: camera, fps: 5 }))
  return stringify({ device: 'bench', mqtt: { url: broker }, cameras, outbox: { path: join(folder, 'outbox') } })
}

/** @returns a Markdown table from the daemon's own health message after `seconds` */
export async function latencyTable(seconds: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-bench-'))
  const broker = await startBroker({ port: 0 })
  const camera = await startCamera()
  await writeFile(join(folder, 'painlens.yaml'), configOf(folder, camera.url, broker.url))
  const daemon = startPainlens({ args: ['run', '--config', join(folder, 'painlens.yaml')], onLine: () => undefined })
  const client = await connectAsync(broker.url, { protocolVersion: 4 })
  try {
    let health: HealthMessage | undefined
    client.on('message', (_, payload) => {
      health = JSON.parse(payload.toString()) as HealthMessage
    })
    await client.subscribeAsync('painlens/bench/health')
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    if (!health) throw new Error('the daemon sent no health message')
    return describe(health)
  } finally {
    await client.endAsync(true)
    await Promise.all([daemon.stop(2500), camera.child.stop(2500)])
    await broker.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function describe({ latency_ms, event_loop_ms, cameras }: HealthMessage): string {
  const rows = [
    ['capture to publish, p50', `${ms(latency_ms.p50 ?? 0)} ms`],
    ['capture to publish, p95', `${ms(latency_ms.p95 ?? 0)} ms`],
    ['main thread event-loop delay, p99', `${ms(event_loop_ms.p99)} ms`],
    ...Object.entries(cameras).map(([id, { fps, frames, dropped }]) => [
      id,
      `${fps} fps, ${dropped} of ${frames} frames dropped`
    ])
  ]
  return table(['two cameras at 5 fps, demonstration model', ''], rows)
}
