/** `painlens cameras find`: cameras that answer to ONVIF, with the addresses of their streams, for a technician at a terminal. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { readSecretFile } from '../../config/index.js'
import { InputError, UsageError } from '../../core/errors.js'
import { fingerprintPattern } from '../../core/fingerprint.js'
import { printable } from '../../core/printable.js'
import { toStderr, toStdout, type Write } from '../../core/terminal.js'
import { type FindOptions, type FoundCamera, type FoundProfile, findCameras } from '../../onvif/index.js'
import { ownTerminal, Prompter, type Terminal } from '../prompter.js'

export interface FindCamerasOptions {
  user: string | undefined
  /** Holds the user's password. */
  passwordFile: string | undefined
  /** SHA-256 of certificates that cameras have signed themselves. */
  fingerprint: string[] | undefined
  /** Print what was found as JSON. */
  json: boolean | undefined
}

export interface FindCamerasIo {
  write: Write
  complain: Write
  env: Readonly<Record<string, string | undefined>>
  /** Where a password is asked for. */
  terminal: Terminal
  find: (options: FindOptions) => Promise<FoundCamera[]>
}

const command = 'painlens cameras find'
const passwordVariable = 'PAINLENS_CAMERA_PASSWORD'

const standardIo = (): FindCamerasIo => ({
  write: toStdout,
  complain: toStderr,
  env: process.env,
  terminal: ownTerminal(),
  find: findCameras
})

/**
 * Asks the network of each interface, and each device that answers. Passwords are never arguments, which every user of a machine can read.
 * @returns 0, also where no device has answered
 * @throws UsageError for a malformed fingerprint, a password's file without a user, and where no password is given; InputError for a password's file that cannot be read; the
 *   signal's reason
 */
export async function findCamerasCommand(
  options: FindCamerasOptions,
  signal: AbortSignal,
  io: Partial<FindCamerasIo> = {}
): Promise<number> {
  const { write, complain, find, ...asking } = { ...standardIo(), ...io }
  const { user = null, fingerprint: fingerprints = [], json = false } = options
  const wrong = fingerprints.find((one) => !fingerprintPattern.test(one))
  if (wrong !== undefined)
    throw new UsageError('PL-OPTION-VALUE', `"${printable(wrong)}" is not 64 hexadecimal digits`, '--fingerprint')
  if (user === null && options.passwordFile !== undefined)
    throw new UsageError('PL-OPTION-VALUE', 'it goes with --user, without which no login is sent', '--password-file')
  const password = user === null ? null : await passwordOf(user, options.passwordFile, asking, signal)
  complain('Asking the network for cameras …\n')
  const found = await find({ user, password, fingerprints, signal })
  write(json ? `${JSON.stringify(found, null, 2)}\n` : found.map(textOf).join('\n'))
  if (found.length === 0)
    complain('No device has answered: ONVIF may be turned off in the cameras, or they are in another network.\n')
  return 0
}

async function passwordOf(
  user: string,
  file: string | undefined,
  { env, terminal }: Pick<FindCamerasIo, 'env' | 'terminal'>,
  signal: AbortSignal
): Promise<string> {
  if (file !== undefined) {
    const read = await readSecretFile(resolve(file), (path) => readFile(path, 'utf8'))
    if ('value' in read) return read.value
    throw new InputError(read.code, read.problem, '--password-file')
  }
  const ofEnvironment = env[passwordVariable]
  if (ofEnvironment !== undefined) return ofEnvironment
  const prompter = new Prompter(terminal, command, signal)
  try {
    return await prompter.ask({ text: `Password of ${printable(user)} at the cameras`, hidden: true })
  } finally {
    prompter.close()
  }
}

/** A camera's lines; the addresses of its streams stand alone, to be copied. */
function textOf({ address, name, profiles, problem }: FoundCamera): string {
  const lines = [
    name === null ? address : `${address}  ${name}`,
    ...(problem ? [`  ${problem.message}`, `  → ${problem.fix} [${problem.code}]`] : []),
    ...profiles.flatMap((profile) => [`  ${about(profile)}`, `    ${profile.url ?? 'no stream at its own address'}`])
  ]
  return `${lines.join('\n')}\n`
}

/** `main, 1920x1080, 15 fps, H264` */
const about = ({ name, width, height, fps, codec }: FoundProfile): string =>
  [
    name,
    ...(width === null || height === null ? [] : [`${width}x${height}`]),
    ...(fps === null ? [] : [`${fps} fps`]),
    ...(codec === null ? [] : [codec])
  ].join(', ')
