/** A process with nothing in it but a relay, so that its CPU time is the relay's: `node relay-child.js URL FINGERPRINT FILE`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { ffmpegReading } from '#painlens/stages/camera/ffmpeg.js'
import { probeFfmpeg } from '#painlens/stages/camera/index.js'
import { CameraRelay } from '#painlens/stages/camera/link/relay.js'
import { parseCameraUrl } from '#painlens/stages/camera/url.js'

const warmUpMs = 5000
const measuredMs = 20_000

export interface RelayCost {
  /** Of one core, in percent. */
  cpu: number
  megabits: number
}

/** @param file where FFmpeg puts the stream, so that its size is known */
async function measure(url: string, fingerprint: string, file: string): Promise<RelayCost> {
  const tls = fingerprint === '' ? undefined : { fingerprint }
  const relay = new CameraRelay({ url: parseCameraUrl(url, 'bench'), tls, videoTrack: 'auto', answerMs: 10_000 })
  const source = await relay.admit()
  if ('code' in source) throw new Error(source.what)
  const request = { source, fps: 15, width: 0, height: 0, silenceMs: 10_000, firstPictureMs: 25_000 }
  const output = ['-map', '0:v:0', '-c', 'copy', '-f', 'h264', '-y', file]
  const { command, args, input } = ffmpegReading(await probeFfmpeg(), request, output)
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'inherit'] })
  child.stdin.end(input)
  await sleep(warmUpMs)
  relay.settle()
  const [before, sizeBefore] = [process.cpuUsage(), (await stat(file)).size]
  await sleep(measuredMs)
  const { user, system } = process.cpuUsage(before)
  const bytes = (await stat(file)).size - sizeBefore
  child.kill('SIGKILL')
  await once(child, 'close')
  await relay.close()
  return { cpu: (user + system) / 10 / measuredMs, megabits: (bytes * 8) / 1000 / measuredMs }
}

const [url = '', fingerprint = '', file = ''] = process.argv.slice(2)
process.stdout.write(JSON.stringify(await measure(url, fingerprint, file)))
