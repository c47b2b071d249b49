/** The processor time of the real daemon, so that the sum of the pieces can be held against it. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { stringify } from 'yaml'
import { startBroker } from '#painlens/show/demo/broker.js'
import { besideChild, startPainlens } from '#painlens/show/demo/child.js'
import { childrenOf } from './children.js'
import { startCamera } from './latency.js'

/** Linux counts processor time in these (sysconf(3), _SC_CLK_TCK, which is 100 wherever Node.js runs). */
const msPerTick = 10
const warmUpMs = 25_000
const measuredMs = 45_000

export interface DaemonTime {
  /** Cores that are busy in the daemon, and in its ffmpegs. */
  daemon: number
  decoders: number
}

/** The daemon with the demonstration model and `cameras` cameras, all on one simulated resident. */
export async function daemonTime(cameras: number, fps: number): Promise<DaemonTime> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-bench-'))
  const broker = await startBroker({ port: 0 })
  const camera = await startCamera()
  const file = join(folder, 'painlens.yaml')
  const config = {
    device: 'bench',
    mqtt: { url: broker.url },
    cameras: Array.from({ length: cameras }, (_, i) => ({ id: `bed-${i}`, url: camera.url, fps })),
    outbox: { path: join(folder, 'outbox') },
    alarm_log: { path: join(folder, 'alarms') },
    http: { enabled: false }
  }
  await writeFile(file, stringify(config))
  const daemon = startPainlens({ args: ['run', '--config', file], onLine: () => undefined })
  try {
    return await besideChild(daemon, 'painlens run', busy(daemon.pid))
  } finally {
    await Promise.all([daemon.stop(2500), camera.child.stop(2500)])
    await broker.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function busy(pid: number): Promise<DaemonTime> {
  await wait(warmUpMs)
  const startedAt = performance.now()
  const before = await timesOf(pid)
  await wait(measuredMs)
  const after = await timesOf(pid)
  const elapsed = performance.now() - startedAt
  const cores = (one: number): number => ((after.get(one) ?? 0) - (before.get(one) ?? 0)) / elapsed
  const children = [...after.keys()].filter((one) => one !== pid)
  return { daemon: cores(pid), decoders: children.reduce((sum, child) => sum + cores(child), 0) }
}

/** Processor time so far of a process and its children, in ms (proc(5), stat: utime and stime). */
async function timesOf(pid: number): Promise<Map<number, number>> {
  const times = new Map<number, number>()
  for (const one of [pid, ...childrenOf(pid)]) {
    const stat = await readFile(`/proc/${one}/stat`, 'utf8').catch(() => '')
    const [utime, stime] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number)
    times.set(one, ((utime ?? 0) + (stime ?? 0)) * msPerTick)
  }
  return times
}
