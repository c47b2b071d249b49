/** `painlens snapshot`: one frame of a camera as painlens sees it, for the technician on the ladder. */
import { type CameraConfig, type Config, openConfig } from '../../config/index.js'
import { InputError, UsageError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { Secrets } from '../../core/secrets.js'
import { bytesToStdout, toStderr, toStdout } from '../../core/terminal.js'
import { askCameras, askFrame, type GivenFrame } from '../../daemon/control/client.js'
import { type CamerasAnswer, differences } from '../../daemon/control/protocol.js'
import { controlSocket } from '../../daemon/control/socket.js'
import { viewMs } from '../../daemon/line/viewers.js'
import { describeFrame, frameRoom, localTime } from './describe.js'
import { fileFor, nameOf, refuseExisting, writePrivate } from './write.js'

export interface SnapshotOptions {
  /** The camera's id; optional if the config has one camera. */
  camera: string | undefined
  /** The config file. */
  config: string | undefined
  /** A file or folder; `-` for standard output. */
  out: string | undefined
  /** Whether an existing file is replaced. */
  force: boolean | undefined
}

export interface SnapshotIo {
  /** What was done. */
  say: (text: string) => void
  /** The picture, with `--out -`. */
  give: (png: Uint8Array) => Promise<void>
  /** Whether that is a terminal. */
  isTerminal: boolean
  env: Readonly<Record<string, string | undefined>>
}

/**
 * Takes the frame from the running painlens, with its masks and zones. Where no painlens runs, or it does not watch this
 * camera, the camera is opened for one picture.
 * @returns 0
 * @throws UsageError, ConfigError, ControlError, InputError (no such camera, paused, no picture), DiskError
 */
export async function snapshotCommand(
  options: SnapshotOptions,
  signal: AbortSignal,
  io: Partial<SnapshotIo> = {}
): Promise<number> {
  const toStdout = options.out === '-'
  const { say, give, isTerminal, env: given } = { ...standardIo(toStdout), ...io }
  if (toStdout && isTerminal) throw new UsageError('PL-SNAPSHOT-TERMINAL', 'standard output is a terminal', '--out -')
  const { config, secrets: found, env } = await openConfig(options.config, { env: given })
  const secrets = new Secrets()
  for (const value of found) secrets.add(value)
  const path = controlSocket(config.outbox.path, env)
  const force = options.force ?? false
  if (!toStdout && !force) await refuseExisting(options.out)
  const daemon = await askCameras(path, signal)
  const wanted = wantedCamera(options.camera, config, daemon)
  const watched = daemon?.cameras.find(({ id }) => id === wanted.id)
  const fromDaemon = watched ? await askFrame(path, wanted.id, signal, wanted.config && viewMs(wanted.config)) : null
  const frame = fromDaemon ?? (await own(wanted, config, secrets, signal))
  const by = fromDaemon ? 'seen by the running painlens' : 'opened by this command'
  const lines = describeFrame(frame.head, by)
  // A refusal waits neither for this nor for what opens a camera.
  const { drawSnapshot } = await import('./draw.js')
  const png = await drawSnapshot(frame, [frameRoom(frame.head), localTime(frame.head.at)], lines)
  const target = toStdout ? null : await fileFor(options.out, nameOf(frame.head))
  if (target === null) await give(png)
  else await writePrivate(target, png, force)
  const told = [
    `${target === null ? 'A picture' : printable(target)} of ${frameRoom(frame.head)}, ${localTime(frame.head.at)}`
  ]
  const differ = watched && wanted.config ? differences(wanted.config, watched.settings) : []
  if (differ.length > 0) told.push(`The running painlens has another ${differ.join(', ')} than the config: reload it.`)
  say(secrets.redact(`${[...told, ...lines.map((line) => `  ${line}`)].join('\n')}\n`))
  return 0
}

const standardIo = (pictureToStdout: boolean): SnapshotIo => ({
  say: pictureToStdout ? toStderr : toStdout,
  // Errors of the stream are reported by core/standard-streams.ts.
  give: bytesToStdout,
  isTerminal: Boolean(process.stdout.isTTY),
  env: process.env
})

interface Wanted {
  id: string
  /** Undefined for one that only the running painlens knows. */
  config: CameraConfig | undefined
}

function wantedCamera(id: string | undefined, { cameras }: Config, daemon: CamerasAnswer | null): Wanted {
  const known = [...new Set([...cameras, ...(daemon?.cameras ?? [])].map((camera) => camera.id))]
  const wanted = id ?? (known.length === 1 ? known[0] : undefined)
  if (wanted !== undefined && known.includes(wanted))
    return { id: wanted, config: cameras.find((camera) => camera.id === wanted) }
  throw new UsageError(
    'PL-SNAPSHOT-CAMERA',
    wanted === undefined ? 'no camera is named' : `there is no camera "${printable(wanted)}"`,
    'painlens snapshot',
    { fix: `Name one of: ${known.join(', ')}.` }
  )
}

async function own(wanted: Wanted, config: Config, secrets: Secrets, signal: AbortSignal): Promise<GivenFrame> {
  if (wanted.config) {
    const { lookAtCamera: lookOnce } = await import('./own-look.js')
    return lookOnce(config, wanted.config, secrets, signal)
  }
  throw new InputError('PL-SNAPSHOT-CAMERA', 'the painlens that watched it has stopped', `camera ${wanted.id}`)
}
