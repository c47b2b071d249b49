import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test as base } from 'vitest'
import type { Size } from '../../../src/core/types.js'
import type { RtspServer } from '../../../src/show/simulate/rtsp-server.js'
import type { Ffmpeg } from '../../../src/stages/camera/ffmpeg.js'
import { type GstElements, gstDecoder, softwareElements } from '../../../src/stages/camera/gstreamer.js'
import { type Decoder, probeFfmpeg } from '../../../src/stages/camera/index.js'
import { publishFilm } from './films.js'
import { Rig } from './rig.js'

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
  return rig.publish(server, path, ['-re', ...numbered(stream), '-bsf:v', 'dump_extra'])
}

/** FFmpeg's input and encoder. */
function numbered({ codec, width, height, colours, filter }: NumberedStream): string[] {
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
  return ['-f', 'lavfi', '-i', source, ...encoder, ...colours]
}

const x265 = 'crf=12:keyint=10:bframes=0:frame-threads=1:log-level=error'

/** The same, of 12 s again and again, encoded once: for a test of many such streams. @param name of the film */
export async function publishNumberedFilm(
  { rig, server, path }: { rig: Rig; server: RtspServer; path: string },
  name: string,
  stream: NumberedStream
) {
  return publishFilm(rig, server, path, { name, arguments: [...numbered(stream), '-t', '12'] })
}

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

/** The children of a process, as any user of the machine sees them. */
export function childrenOf(parent: number): Child[] {
  const found: Child[] = []
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      const stat = /\) (\S) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))
      if (stat?.[1] === 'Z' || Number(stat?.[2]) !== parent) continue
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
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

/** Asked once for all tests of a file. */
let probed: ReturnType<typeof probeFfmpeg> | undefined

/** A test's own cameras, and programs under names of its own, so that tests can run side by side and know their processes. */
export class World {
  private constructor(
    readonly rig: Rig,
    readonly folder: string,
    readonly ffmpeg: Ffmpeg
  ) {}

  static async open(): Promise<World> {
    probed ??= probeFfmpeg()
    const folder = mkdtempSync(join(tmpdir(), 'painlens-'))
    for (const program of programs) {
      const { stdout } = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' })
      symlinkSync(stdout.trim(), join(folder, program))
    }
    return new World(await Rig.open(), folder, { ...(await probed), command: join(folder, 'ffmpeg') })
  }

  decoder(elements: GstElements = softwareElements, gstLaunch = join(this.folder, 'gst-launch-1.0')): Decoder {
    return gstDecoder({ name: 'gstreamer', ffmpeg: this.ffmpeg, elements, gstLaunch })
  }

  /** FFmpeg's processes first. */
  children(): Child[] {
    const own = childrenOf(process.pid).filter(({ commandLine }) => commandLine.includes(this.folder))
    return own.sort((a, b) => Number(nameOfProgram(a) > nameOfProgram(b)) * 2 - 1)
  }

  async close(): Promise<void> {
    await this.rig.close()
    rmSync(this.folder, { recursive: true })
  }
}

export const nameOfProgram = ({ commandLine }: Child): string => basename(commandLine.split('\0')[0]!)
/** In the order of the data, which happens to be the alphabet's. */
export const programs = ['ffmpeg', 'gst-launch-1.0']

export const it = base.extend<{ world: World }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads the parameter's own source text.
  world: async ({}, use) => {
    const world = await World.open()
    await use(world)
    await world.close()
  }
})
