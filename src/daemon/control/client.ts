/** How commands ask a running daemon. */
import { request } from 'node:http'
import { userInfo } from 'node:os'
import type { z } from 'zod'
import { errorCodes } from '../../core/error-codes/index.js'
import { ControlError, type ErrorCode, InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import {
  type CamerasAnswer,
  camerasAnswer,
  endOfOutbox,
  type FrameHead,
  frameHead,
  headEnd,
  refusal,
  type TakenReference,
  takenReference
} from './protocol.js'

const bounds = {
  camerasMs: 5000,
  camerasBytes: 4 * 2 ** 20,
  /** Beside what the daemon waits for a picture. */
  frameMs: 15_000,
  frameBytes: 64 * 2 ** 20,
  outboxMs: 30_000,
  outboxBytes: 256 * 2 ** 20
}

/**
 * What a running daemon watches.
 * @param path as `controlSocket` answers
 * @returns null where none runs
 * @throws ControlError where one runs that may not be asked, or that does not answer
 */
export async function askCameras(path: string, signal: AbortSignal): Promise<CamerasAnswer | null> {
  const body = await ask(path, '/cameras', { ms: bounds.camerasMs, most: bounds.camerasBytes }, signal)
  return body && read(camerasAnswer, body, path)
}

/** A frame as the daemon sees it: RGB24, masks black. */
export interface GivenFrame {
  head: FrameHead
  pixels: Uint8Array
}

/**
 * @param waitMs how long the daemon may wait for a picture, see `viewMs`
 * @returns null where no daemon runs
 * @throws ControlError; InputError for what the daemon refuses: an unknown camera, a pause, a camera without pictures
 */
export async function askFrame(
  path: string,
  camera: string,
  signal: AbortSignal,
  waitMs = 15_000
): Promise<GivenFrame | null> {
  const url = `/cameras/${encodeURIComponent(camera)}/frame?${new URLSearchParams(whoAsks())}`
  const body = await ask(path, url, { ms: waitMs + bounds.frameMs, most: bounds.frameBytes }, signal)
  if (!body) return null
  const end = body.indexOf(headEnd)
  const head = read(frameHead, body.subarray(0, Math.max(0, end)), path)
  const pixels = body.subarray(end + 1)
  if (pixels.length !== head.width * head.height * 3)
    throw new ControlError('PL-CONTROL-ANSWER', `the picture has ${pixels.length} bytes`, path)
  return { head, pixels }
}

export interface AskedReference {
  camera: string
  zone: string | undefined
  seconds: number
  by: string
  /** Removes what there is, instead. */
  remove: boolean
}

/**
 * Lets the daemon take a bed's resting face, or remove it; back when that is done.
 * @returns null where no daemon runs; undefined where it was removed
 * @throws ControlError; InputError for what the daemon refuses
 */
export async function askReference(
  path: string,
  { camera, zone, seconds, by, remove }: AskedReference,
  signal: AbortSignal
): Promise<TakenReference | null | undefined> {
  const asked = { by, seconds: String(seconds), remove: String(remove), ...(zone !== undefined && { zone }) }
  const url = `/cameras/${encodeURIComponent(camera)}/reference?${new URLSearchParams({ ...whoAsks(), ...asked })}`
  const limits = { ms: bounds.camerasMs + 1000 * seconds, most: bounds.camerasBytes, method: 'POST' }
  const body = await ask(path, url, limits, signal)
  if (!body) return null
  return remove ? undefined : read(takenReference, body, path)
}

/**
 * The outbox's entries, each a `SavedEntry` as a line of JSON, without secrets.
 * @returns null where no daemon runs
 * @throws ControlError
 */
export async function askOutbox(path: string, signal: AbortSignal): Promise<string[] | null> {
  const limits = { ms: bounds.outboxMs, most: bounds.outboxBytes }
  const body = await ask(path, `/outbox?${new URLSearchParams(whoAsks())}`, limits, signal)
  if (!body) return null
  const lines = body.toString('utf8').split('\n').slice(0, -1)
  if (lines.pop() !== endOfOutbox(lines.length)) throw new ControlError('PL-CONTROL-ANSWER', 'its answer is cut', path)
  return lines
}

/** For the daemon's log. Behind sudo the user is root, and who called it is in the environment. */
function whoAsks(): Record<string, string> {
  const { SUDO_UID } = process.env
  const uid = SUDO_UID ?? process.getuid?.()
  const user = userName()
  return { ...(uid !== undefined && { uid: String(uid) }), ...(user && { user }) }
}

/** Who called the command. */
export function userName(): string | undefined {
  if (process.env.SUDO_USER) return process.env.SUDO_USER
  try {
    return userInfo().username
  } catch {
    // A container's user may be in no list.
    return undefined
  }
}

interface Limits {
  ms: number
  most: number
  /** GET unless given. */
  method?: string
}

/** No socket, or one that a killed daemon left. */
const notListening: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENOTSOCK'])

async function ask(
  path: string,
  url: string,
  { ms, most, method }: Limits,
  signal: AbortSignal
): Promise<Buffer | null> {
  const late = AbortSignal.timeout(ms)
  try {
    const { status, body } = await get({ socketPath: path, path: url, method }, most, AbortSignal.any([signal, late]))
    if (status === 200) return body
    throw refused(body, path)
  } catch (error) {
    signal.throwIfAborted()
    const { code } = error as NodeJS.ErrnoException
    if (notListening.has(code)) return null
    if (late.aborted)
      throw new ControlError('PL-CONTROL-SILENT', `the running painlens has not answered for ${ms / 1000} s`, path)
    if (code === 'EACCES' || code === 'EPERM')
      throw new ControlError('PL-CONTROL-DENIED', 'this user may not ask the running painlens', path)
    if (error instanceof ControlError || error instanceof InputError) throw error
    throw new ControlError('PL-CONTROL-ANSWER', `the running painlens has hung up (${code ?? 'unknown reason'})`, path)
  }
}

function get(
  where: { socketPath: string; path: string; method?: string },
  most: number,
  signal: AbortSignal
): Promise<{ status: number | undefined; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const asking = request({ ...where, agent: false, signal }, (answer) => {
      const chunks: Buffer[] = []
      let length = 0
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        length += chunk.length
        if (length > most)
          answer.destroy(
            new ControlError('PL-CONTROL-ANSWER', `the answer is larger than ${most} bytes`, where.socketPath)
          )
      })
      answer.once('error', reject)
      answer.once('end', () => resolve({ status: answer.statusCode, body: Buffer.concat(chunks) }))
    })
    asking.once('error', reject)
    asking.end()
  })
}

function refused(body: Buffer, path: string): ControlError | InputError {
  const { code, error, where = 'the running painlens', fix } = read(refusal, body, path)
  return isCode(code)
    ? new InputError(code, printable(error), printable(where), fix === undefined ? {} : { fix: printable(fix) })
    : new ControlError('PL-CONTROL-ANSWER', `it says: ${printable(error)} (${printable(code)})`, path)
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(errorCodes, code)

function read<T>(schema: z.ZodType<T>, body: Buffer, path: string): T {
  try {
    return schema.parse(JSON.parse(body.toString('utf8')))
  } catch (error) {
    throw new ControlError('PL-CONTROL-ANSWER', 'its answer is not understood', path, { cause: error })
  }
}
