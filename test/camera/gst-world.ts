import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { Size } from '../../src/core/types.js'
import type { RtspServer } from '../../src/simulate/rtsp-server.js'
import type { Rig } from './rig.js'

export interface NumberedStream extends Size {
  codec: 'h264' | 'hevc'
  /** How its colours are encoded, and filters before that. */
  colours: readonly string[]
  filter: string
}

const fps = 25
/** The bar is so high, in shares of the picture, and holds so many blocks, lowest bit first. */
const bar = 1 / 15
const bits = 10

/** FFmpeg's moving test picture under a bar that holds the picture's number (from 0 to 1023), encoded as the stream says. */
export async function publishNumbered(rig: Rig, server: RtspServer, path: string, stream: NumberedStream) {
  const { codec, width, height, colours, filter } = stream
  const high = height * bar
  const number = `lum='255*mod(floor(N/pow(2,floor(X/${width / bits}))),2)'`
  const source = [
    `testsrc2=s=${width}x${height - high}:r=${fps}[p]`,
    `color=black:s=${width}x${high}:r=${fps},format=gray,geq=${number},format=yuv420p[n]`,
    `[n][p]vstack,${filter}`
  ].join(';')
  const encoder = {
    h264: ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-crf', '12', '-g', '10', '-bf', '0'],
    hevc: ['-c:v', 'libx265', '-preset', 'ultrafast', '-tune', 'zerolatency', '-x265-params', x265]
  }[codec]
  const publication = server.publish(path)
  const output = ['-bsf:v', 'dump_extra', '-f', 'rtsp', '-rtsp_transport', 'tcp', publication.url]
  const args = ['-v', 'fatal', '-re', '-f', 'lavfi', '-i', source, ...encoder, ...colours, ...output]
  const publisher = spawn('ffmpeg', args, { stdio: 'ignore' })
  const ended = once(publisher, 'close')
  rig.own(async () => {
    publisher.kill('SIGKILL')
    await ended
    publication.close()
  })
  await publication.started
  return server.url(path)
}

const x265 = 'crf=12:keyint=10:bframes=0:frame-threads=1:log-level=error'

/** The number in the bar of an RGB24 frame that shows the picture at this place. */
export function numberOf(pixels: Uint8Array, frame: Size, shown: Size): number {
  const left = Math.floor((frame.width - shown.width) / 2)
  const top = Math.floor((frame.height - shown.height) / 2)
  const y = top + Math.floor((shown.height * bar) / 2)
  let number = 0
  for (let bit = 0; bit < bits; bit++) {
    const x = left + Math.floor(((bit + 0.5) / bits) * shown.width)
    if (pixels[(y * frame.width + x) * 3]! > 127) number |= 1 << bit
  }
  return number
}

export interface Child {
  pid: number
  commandLine: string
  environment: string
}

/** The children of a process, as anybody on the machine sees them; those of this test's feeds by another tool are left out. */
export function childrenOf(parent: number, program: RegExp): Child[] {
  const found: Child[] = []
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      const stat = /\) (\S) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      if (stat?.[1] !== 'Z' && Number(stat?.[2]) === parent && program.test(commandLine))
        found.push({ pid: Number(pid), commandLine, environment: readFileSync(`/proc/${pid}/environ`, 'utf8') })
    } catch {
      // It has ended meanwhile.
    }
  return found
}

export const isRunning = (pid: number): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
