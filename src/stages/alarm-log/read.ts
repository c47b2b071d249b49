import { open } from 'node:fs/promises'
import type { AlarmMessage } from '../../contract/messages.js'
import { DiskError } from '../../core/errors.js'
import { agesIn, fileName } from './files.js'

export type AlarmLogEntry = AlarmMessage

/**
 * What the log holds, oldest first. Lines that are torn or none of ours are left out. The daemon may be writing meanwhile.
 * @throws {DiskError} if there is no such folder or it cannot be read
 */
export async function* readAlarmLog(folder: string): AsyncGenerator<AlarmLogEntry> {
  const ages = await agesIn(folder).catch((error: unknown) => {
    throw unreadable(folder, error)
  })
  for (const age of ages.reverse()) {
    const file = await open(fileName(folder, age)).catch((error: NodeJS.ErrnoException) => {
      // The daemon has moved it on since.
      if (error.code === 'ENOENT') return null
      throw unreadable(folder, error)
    })
    if (!file) continue
    for await (const line of file.readLines()) {
      const entry = parseLine(line)
      if (entry) yield entry
    }
  }
}

/** @returns null for a line that is no alarm message */
function parseLine(line: string): AlarmLogEntry | null {
  try {
    const value = JSON.parse(line) as Partial<AlarmLogEntry> | null
    const isEntry = typeof value?.alarm_id === 'string' && typeof value.condition === 'string'
    return isEntry && hasTimes(value) && typeof value.seq === 'number' ? (value as AlarmLogEntry) : null
  } catch {
    return null
  }
}

const hasTimes = ({ onset, updated }: Partial<AlarmLogEntry>): boolean =>
  [onset, updated].every((time) => typeof time === 'string' && !Number.isNaN(Date.parse(time)))

function unreadable(folder: string, error: unknown): DiskError {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT'
    ? new DiskError('PL-ALARM-LOG-MISSING', 'there is no alarm log', folder, { cause: error })
    : new DiskError('PL-ALARM-LOG-UNREADABLE', `the alarm log cannot be read (${code ?? 'unknown reason'})`, folder, {
        cause: error
      })
}
