import { execFile } from 'node:child_process'
import { messageOf, ProgramError } from '../../core/errors.js'

const videoCodecs = ['h264', 'hevc', 'mjpeg'] as const

/** An FFmpeg that painlens can use, and how this build wants to be talked to. */
export interface Ffmpeg {
  command: string
  /** `5.1.9-0+deb12u1`, or `N-12345-g…` for a build from git. */
  version: string
  /** The RTSP demuxer's limit on silence: `stimeout` up to 4.4, where `timeout` means something else; `timeout` after. */
  timeoutOption: 'stimeout' | 'timeout'
  /** Which arguments hand on each picture once, however irregular the times: `-fps_mode` since 5.1, `-vsync` before. */
  passthrough: readonly string[]
}

const minimum = [4, 4] as const
const probeMs = 20_000

/**
 * Asks the FFmpeg at hand what it is and what it can.
 * @throws ProgramError when it is missing, older than 4.4, or lacks RTSP or a decoder
 */
export async function probeFfmpeg(command = 'ffmpeg'): Promise<Ffmpeg> {
  const ask = (...args: string[]): Promise<string> => run(command, ['-hide_banner', ...args])
  const version = await ask('-version')
  const [rtsp, decoders, help] = await Promise.all([ask('-h', 'demuxer=rtsp'), ask('-decoders'), ask('-h', 'long')])
  return readProbe(command, { version, rtsp, decoders, help })
}

/** What FFmpeg printed for `-version`, `-h demuxer=rtsp`, `-decoders` and `-h long`. */
export interface ProbeOutput {
  version: string
  rtsp: string
  decoders: string
  help: string
}

/** @throws ProgramError as `probeFfmpeg` does */
export function readProbe(command: string, { version, rtsp, decoders, help }: ProbeOutput): Ffmpeg {
  const name = /^ffmpeg version (\S+)/m.exec(version)?.[1]
  if (!name) throw new ProgramError('PL-FFMPEG-OTHER', 'is no FFmpeg', command)
  const number = /^n?(\d+)\.(\d+)/.exec(name)
  if (number && isOlder([Number(number[1]), Number(number[2])]))
    throw new ProgramError('PL-FFMPEG-OLD', `is FFmpeg ${name}, 4.4 or later is needed`, command)
  if (!/^ *-rtsp_transport\b/m.test(rtsp))
    throw new ProgramError('PL-FFMPEG-NO-RTSP', 'was built without RTSP', `${command} ${name}`)
  const missing = videoCodecs.filter((codec) => !new RegExp(`^ V\\S* ${codec}\\s`, 'm').test(decoders))
  if (missing.length > 0)
    throw new ProgramError('PL-FFMPEG-NO-CODEC', `was built without ${missing.join(', ')}`, `${command} ${name}`)
  return {
    command,
    version: name,
    timeoutOption: /^ *-stimeout\b/m.test(rtsp) ? 'stimeout' : 'timeout',
    passthrough: [/^ *-fps_mode\b/m.test(help) ? '-fps_mode' : '-vsync', 'passthrough']
  }
}

function isOlder([major, minor]: readonly [number, number]): boolean {
  return major < minimum[0] || (major === minimum[0] && minor < minimum[1])
}

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: probeMs, maxBuffer: 16 << 20 }, (error, stdout) => {
      if (!error) return resolve(stdout)
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
      reject(
        missing
          ? new ProgramError('PL-FFMPEG-MISSING', 'this program is not there', command)
          : new ProgramError('PL-FFMPEG-BROKEN', `it does not run: ${messageOf(error).split('\n')[0]}`, command)
      )
    })
  })
}
