import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Deadline } from './slowness.js'

export interface MosquittoOptions {
  /** Only these may connect; anybody if left out. */
  users?: Record<string, string>
  /** Serves TLS instead of plain TCP. */
  tls?: { ca: string; cert: string; key: string; requireClientCertificate?: boolean }
  /** Further lines of mosquitto.conf. */
  config?: string[]
  /** All of mosquitto.conf, in the place of what the other options make; `folder` is for its database. */
  conf?: (port: number, folder: string) => string
}

export interface Mosquitto {
  port: number
  url: string
  /** Ends the broker; it keeps its port for `start`. */
  stop(): Promise<void>
  /** kill -9. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Its process; 0 while it is stopped. */
  pid(): number
  /** What it has said so far. */
  log(): string
  /** Stops it and removes its folder. */
  remove(): Promise<void>
}

const program = process.env.MOSQUITTO ?? 'mosquitto'
/** Ended with the test process, should a test end it early. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A real mosquitto on a free port of the loopback, in a folder of its own. Retained messages and sessions survive stop and start. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-mosquitto-'))
  const port = await freePort()
  const file = join(folder, 'mosquitto.conf')
  writeFileSync(file, configuration(options, folder, port).join('\n'))
  let child: ChildProcess | null = null
  let said = ''

  const start = async () => {
    const path = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`
    const started = spawn(program, ['-c', file, '-v'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: path }
    })
    child = started
    running.add(started)
    started.once('exit', () => running.delete(started))
    for (const stream of [started.stdout, started.stderr]) stream.on('data', (data) => (said += String(data)))
    await reachable(port, started, () => said)
  }
  const end = async (signal: NodeJS.Signals) => {
    const ending = child
    child = null
    if (ending === null || ending.exitCode !== null) return
    const gone = new Promise((resolve) => ending.once('exit', resolve))
    ending.kill(signal)
    await gone
  }
  await start().catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true })
    throw error
  })
  const stop = () => end('SIGTERM')
  return {
    port,
    url: `${options.tls ? 'mqtts' : 'mqtt'}://localhost:${port}`,
    stop,
    kill: () => end('SIGKILL'),
    start,
    pid: () => child?.pid ?? 0,
    log: () => said,
    remove: async () => {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

function configuration(options: MosquittoOptions, folder: string, port: number): string[] {
  // A broker that is started by root would otherwise become a user who cannot read these files.
  const user = process.getuid?.() === 0 ? ['user root'] : []
  if (options.conf) return [...user, options.conf(port, folder)]
  const lines = [
    ...user,
    `listener ${port} localhost`,
    'persistence true',
    `persistence_location ${folder}/`,
    `allow_anonymous ${options.users ? 'false' : 'true'}`
  ]
  if (options.users) {
    const passwords = join(folder, 'passwords')
    writeFileSync(passwords, '')
    for (const [user, password] of Object.entries(options.users)) {
      execFileSync('mosquitto_passwd', ['-b', passwords, user, password], { stdio: 'ignore' })
    }
    lines.push(`password_file ${passwords}`)
  }
  if (options.tls) {
    const { ca, cert, key, requireClientCertificate } = options.tls
    lines.push(`cafile ${ca}`, `certfile ${cert}`, `keyfile ${key}`)
    if (requireClientCertificate) lines.push('require_certificate true')
  }
  return [...lines, ...(options.config ?? []), '']
}

/** Below those that the kernel gives away by itself (net.ipv4.ip_local_port_range), so that none of its own comes between. */
const ports = { first: 20_000, count: 12_000 }
/**
 * Test files that run at the same time have different numbers, and take ports from ranges of their own: a port that was only
 * found free would else be given to two of them.
 */
const ranges = 24
const range = { count: ports.count / ranges, first: 0 }
range.first = ports.first + (Number(process.env.VITEST_POOL_ID ?? 0) % ranges) * range.count
/** Those of another run of vitest on this machine begin elsewhere in the range. */
let nextPort = process.pid * 101

/** A port on which nothing listens, and nothing will unless it is told to. Each call gives another. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = range.first + (nextPort++ % range.count)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, () => server.close(() => resolve(true)))
  })
}

async function reachable(port: number, child: ChildProcess, said: () => string): Promise<void> {
  let failed: unknown = null
  child.once('error', (error) => (failed = error))
  const deadline = new Deadline(5000)
  while (!deadline.isOver()) {
    if (failed !== null || child.exitCode !== null) throw new Error(`mosquitto does not start: ${failed ?? said()}`)
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: 'localhost' })
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  child.kill('SIGKILL')
  throw new Error(`mosquitto does not listen after ${deadline}: ${said()}`)
}
