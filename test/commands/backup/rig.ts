import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { onTestFinished } from 'vitest'
import { backupCommand } from '../../../src/commands/backup/index.js'
import { restoreCommand } from '../../../src/commands/backup/restore.js'
import { systemClock } from '../../../src/core/clock.js'
import { silentLog } from '../../../src/core/log.js'
import { openAlarmLog } from '../../../src/stages/alarm-log/index.js'
import { openOutbox, readOutbox } from '../../../src/stages/outbox/index.js'
import { tar, tarEntry } from '../../provider/rig.js'
import { alarm } from '../../stages/mqtt/rig.js'
import { writeTinyModel } from '../../support/tiny-model.js'

const never = new AbortController().signal

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-backup-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A box without a running painlens: config with a password in a file, model, alarm log, outbox with a pause. */
export async function makeBox(folder: string, device: string): Promise<string> {
  for (const part of ['secrets', 'models', 'data']) mkdirSync(join(folder, part), { recursive: true })
  await writeTinyModel(join(folder, 'models'))
  const config = join(folder, 'painlens.yaml')
  writeFileSync(join(folder, 'secrets/camera'), `pw-of-${device}\n`, { mode: 0o600 })
  writeFileSync(
    config,
    `device: ${device}
mqtt: { url: "mqtt://127.0.0.1:1" }
cameras: [{ id: bed, url: "rtsp://u:\${file:secrets/camera}@127.0.0.1:1/bed" }]
model: { manifest: models/tiny.yaml }
outbox: { path: data/outbox }
alarm_log: { path: data/alarms }
`
  )
  chmodSync(config, 0o640)
  const log = openAlarmLog({
    path: join(folder, 'data/alarms'),
    maxBytes: 1e6,
    encode: JSON.stringify,
    log: silentLog
  })
  log.append(alarm(device, 0))
  await log.close()
  const outbox = await openOutbox({
    ...{ path: join(folder, 'data/outbox'), maxMessages: 100, expiryMs: 1e9 },
    ...{ log: silentLog, clock: systemClock }
  })
  for (const seq of [0, 1, 2])
    await outbox.put(`painlens/${device}/alarm`, alarm(device, seq), { expendable: seq === 1 })
  await outbox.note({ key: 'pause/bed', value: { until: 1 } })
  await outbox.close()
  return config
}

/** All that a restore replaces. */
export async function stateOf(config: string): Promise<object> {
  const folder = join(config, '..')
  const alarms = join(folder, 'data/alarms')
  return {
    config: readFileSync(config, 'utf8'),
    password: readFileSync(join(folder, 'secrets/camera'), 'utf8'),
    alarms: readdirSync(alarms).map((name) => [name, readFileSync(join(alarms, name), 'utf8')]),
    outbox: await readOutbox(join(folder, 'data/outbox'))
  }
}

/** What a restore leaves beside its targets; nothing, but for one that was killed. */
export const leftovers = (config: string): string[] =>
  readdirSync(join(config, '..'), { recursive: true })
    .map(String)
    .filter((name) => /(^|\/)\.[^/]+$/.test(name))

const quiet = (): void => undefined
const all = { secrets: true, models: true, force: true }
export const backup = (file: string, config: string, options: Partial<typeof all> = all): Promise<number> =>
  backupCommand({ secrets: undefined, models: undefined, force: undefined, ...options, file, config }, never, quiet)
export const restore = (
  file: string | undefined,
  config: string,
  write: (text: string) => void = quiet
): Promise<number> => restoreCommand({ file, config }, never, write)

/** A backup made by hand. @param extra entries behind those of the head */
export function pack(path: string, files: Record<string, string>, changes: object = {}, extra: Buffer[] = []): string {
  const described = Object.entries(files).map(([name, text]) => ({
    ...{ name, size: Buffer.byteLength(text) },
    sha256: createHash('sha256').update(text).digest('hex')
  }))
  const head = {
    ...{ format: 1, painlens: '0.1.0', device: 'd', created: '2026-01-31T06:00:00.000Z', secrets: [] },
    ...{ model: { name: 'tiny', sha256: '0'.repeat(64), file: 'tiny.onnx' }, files: described, ...changes }
  }
  const entries = Object.entries(files).map(([name, text]) => tarEntry(name, Buffer.from(text)))
  const first = tarEntry('painlens-backup.json', Buffer.from(JSON.stringify(head)))
  writeFileSync(path, gzipSync(tar([first, ...entries, ...extra])))
  return path
}
