import { mkdtemp, rmdir, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { type Clock, iso, systemClock, timeOfDay } from '../../core/clock.js'
import { PortInUseError } from '../../core/errors.js'
import { type ClockWitness, isSynchronised, witnesses } from '../../daemon/health/clock-sync.js'
import { listenError, type Report } from '../../daemon/health/http.js'
import { probeFfmpeg } from '../../stages/camera/ffmpeg.js'
import { type CheckContext, type CheckResult, daemonRuns, fail, failed, type Lamp, ok, warn } from './result.js'

/** painlens was not there before; a box without a battery starts in 1970. */
const earliest = Date.UTC(2026, 0, 1)

export async function checkFfmpeg(): Promise<CheckResult[]> {
  const { version } = await probeFfmpeg()
  return [ok('ffmpeg', `version ${version}, with RTSP, H.264, H.265 and MJPEG`)]
}

/** Alarms carry the time of day, and certificates are valid for a time only. */
export async function checkClock(
  clock: Clock = systemClock,
  asked: readonly ClockWitness[] = witnesses
): Promise<CheckResult[]> {
  const now = timeOfDay(clock, clock.now())
  if (now < earliest) return [fail('PL-CLOCK-IMPOSSIBLE', 'clock', `it says ${iso(now)}, which cannot be`)]
  const answer = await isSynchronised(asked)
  if (answer === true) return [ok('clock', `${iso(now)}, synchronised`)]
  return [
    answer === false
      ? warn('PL-CLOCK-UNSYNCHRONISED', 'clock', `${iso(now)}, not synchronised: alarms may carry a wrong time`)
      : warn('PL-CLOCK-UNKNOWN', 'clock', `${iso(now)}; whether it is synchronised cannot be told here`)
  ]
}

const megabyte = 1e6
/** Below, the outbox of a day without a broker may not fit; and far below, nothing does. */
const wantedMb = 500
const neededMb = 50

/** In bytes, for painlens's user. */
async function freeBytesIn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Room for the outbox and the alarm log and the right to write there; the same for heatmaps where they are saved. */
export async function checkDisk(
  { config }: Pick<CheckContext, 'config'>,
  freeBytes = freeBytesIn
): Promise<CheckResult[]> {
  const { save_heatmaps_to: heatmaps } = config.privacy
  const check = (what: Lamp, path: string, key: string) => checkFolder(what, path, { key, freeBytes })
  return [
    await check('disk', config.outbox.path, 'outbox.path'),
    await check('disk (alarms)', config.alarm_log.path, 'alarm_log.path'),
    ...(heatmaps ? [await check('disk (heatmaps)', heatmaps, 'privacy.save_heatmaps_to')] : [])
  ]
}

/**
 * Does not make the folder: `check` is often run by root, and the daemon could not write into root's folder.
 * @param key of the config, for the fix
 */
async function checkFolder(
  what: Lamp,
  path: string,
  { key, freeBytes }: { key: string; freeBytes: typeof freeBytesIn }
): Promise<CheckResult> {
  const there = await nearestFolder(path)
  const found = there === path ? path : `${path} (will be made in ${there})`
  try {
    await rmdir(await mkdtemp(join(there, '.painlens-check-')))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return fail(
      'PL-DISK-UNWRITABLE',
      what,
      `${found}: cannot be written to (${code ?? 'unknown reason'})`,
      fixes[code ?? ''] ?? otherFix(key)
    )
  }
  const freeMb = Math.floor((await freeBytes(there)) / megabyte)
  const space = `${found}, writable${asWhom()}, ${freeMb} MB free`
  if (freeMb < neededMb)
    return fail('PL-DISK-FULL', what, space, `Free at least ${wantedMb} MB, or set ${key} to another disk.`)
  return freeMb < wantedMb ? warn('PL-DISK-LOW', what, space, `Free at least ${wantedMb} MB.`) : ok(what, space)
}

const fixes: Record<string, string> = {
  ENOSPC: 'Free some space on that disk.',
  ENOTDIR: 'Remove the file that is in the way.'
}
const otherFix = (key: string): string =>
  `Give painlens's user the right to write there, or set ${key} to another folder.`

const asWhom = (): string => (process.getuid?.() === 0 ? ' by root (run check as the service does)' : '')

/** The folder, or the nearest one above it that exists. */
async function nearestFolder(path: string): Promise<string> {
  const isThere = await stat(path).then(
    () => true,
    () => false
  )
  return isThere || dirname(path) === path ? path : nearestFolder(dirname(path))
}

const what = 'http'
const answerMs = 3000

/** Whether `/live`, `/ready` and `/metrics` can be served where the config says: by listening there for a moment. */
export async function checkHttp({ config, running, signal }: CheckContext): Promise<CheckResult[]> {
  const { enabled, host, port, token } = config.http
  if (!enabled) return [ok(what, 'turned off')]
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const refusal = await listenOnce(host, port)
  if (refusal === null) return [ok(what, `${address} is free`)]
  const trouble = listenError(host, port, refusal)
  if (!(trouble instanceof PortInUseError && (await isPainlens(address, token, signal)))) return [failed(what, trouble)]
  if (daemonRuns(running)) return [ok(what, `a painlens that is running answers on ${address}`)]
  const found = `another painlens than that of this config answers on ${address}; this one will have no /live, /ready and /metrics`
  return [warn('PL-HTTP-PORT', what, found)]
}

/** @returns why nothing can listen there; null where something can */
export function listenOnce(host: string, port: number): Promise<Error | null> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', resolve)
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)))
  })
}

async function isPainlens(address: string, token: string | undefined, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await fetch(`http://${address}/live`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)])
    })
    const { ok, parts } = (await answer.json()) as Partial<Report>
    return typeof ok === 'boolean' && Array.isArray(parts)
  } catch {
    return false
  }
}

/** Only where a password is too short, or too much of a word, to be blotted out of logs and messages without harm. */
export async function checkPasswords({ config, secrets }: CheckContext): Promise<CheckResult[]> {
  const { facility, cameras } = config
  const places = cameras.flatMap(({ id, location }) => [id, ...Object.values(location)])
  const told = [facility, ...places].filter((text) => typeof text === 'string')
  const findings: CheckResult[] = []
  if (secrets.tooShort)
    findings.push(warn('PL-PASSWORD-SHORT', 'passwords', 'one has less than 4 characters; logs may show it'))
  if (told.some((text) => secrets.redact(text) !== text))
    findings.push(
      warn(
        'PL-PASSWORD-NAME',
        'passwords',
        'one is a part of a room, bed, camera or facility, whose name alarms show as *** then'
      )
    )
  return findings
}
