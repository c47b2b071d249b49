/** An append-only log of sent alarm messages and acknowledgements on the device, bounded in size, without pictures. */
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type AcknowledgementMessage,
  type AlarmMessage,
  isAcknowledgement as isGivenAck,
  isKeptAlarm
} from '../../contract/messages.js'
import { DiskError, type ErrorCode, messageOf } from '../../core/errors.js'
import { LastSaid, type Log } from '../../core/log.js'

export interface AlarmLogOptions {
  /** A folder of its own; created if missing. */
  path: string
  /** Limit of all files together. */
  maxBytes: number
  /** A message as JSON without secrets. */
  encode: (message: AlarmLogEntry) => string
  log: Log
  /** Interval of retries while the disk refuses; 10 s unless given. */
  retryMs?: number
}

export interface AlarmLog {
  /** Never throws or blocks: if the disk refuses, the newest lines are kept in memory and retried. */
  append(message: AlarmLogEntry): void
  /** Resolves when all appended lines are on disk or were refused. */
  flushed(): Promise<void>
  close(): Promise<void>
}

/** Number of files; the oldest is deleted when a new one begins. */
const files = 8
/** Most lines kept in memory while the disk refuses. */
const maxWaiting = 1000
const defaultRetryMs = 10_000

/** The file is opened at the first message, so that painlens starts with any disk. */
export function openAlarmLog(options: AlarmLogOptions): AlarmLog {
  return new RotatedLog(options)
}

class RotatedLog implements AlarmLog {
  readonly #options: AlarmLogOptions
  #waiting: string[] = []
  #lost = 0
  /** Whether the disk refuses. */
  readonly #refused = new LastSaid<boolean>()
  #writing: Promise<void> | null = null
  #retry: NodeJS.Timeout | undefined
  #file: FileHandle | null = null
  #size = 0

  constructor(options: AlarmLogOptions) {
    this.#options = options
  }

  append(message: AlarmLogEntry): void {
    this.#waiting.push(`${this.#options.encode(message)}\n`)
    if (this.#waiting.length > maxWaiting) {
      this.#waiting.shift()
      this.#lost++
    }
    // While the disk refuses, only the timer retries.
    if (this.#retry === undefined) this.#start()
  }

  async flushed(): Promise<void> {
    while (this.#writing !== null) await this.#writing
  }

  async close(): Promise<void> {
    clearTimeout(this.#retry)
    this.#retry = undefined
    if (this.#waiting.length > 0) this.#start()
    await this.flushed()
    clearTimeout(this.#retry)
    await this.#closeFile()
  }

  #start(): void {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null
      // For lines appended since the writer's last check; after a refusal the timer retries.
      if (this.#waiting.length > 0 && this.#retry === undefined) this.#start()
    })
  }

  /** Lines appended during one sync are written together with the next. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await this.#writeLines(batch)
        this.#says(null)
      } catch (error) {
        this.#lost += Math.max(0, batch.length + this.#waiting.length - maxWaiting)
        this.#waiting = [...batch, ...this.#waiting].slice(-maxWaiting)
        this.#says(messageOf(error))
        // A partly written line is cut off when the file is reopened.
        await this.#closeFile()
        this.#retry = setTimeout(() => {
          this.#retry = undefined
          this.#start()
        }, this.#options.retryMs ?? defaultRetryMs)
        return
      }
    }
  }

  async #writeLines(lines: readonly string[]): Promise<void> {
    const bytes = Buffer.from(lines.join(''))
    this.#file ??= await this.#open()
    const maxBytes = this.#options.maxBytes / files
    if (this.#size > 0 && this.#size + bytes.length > maxBytes) {
      await this.#closeFile()
      await rotate(this.#options.path, files)
      this.#file = await this.#open()
    }
    await this.#file.appendFile(bytes)
    await this.#file.datasync()
    this.#size += bytes.length
  }

  async #open(): Promise<FileHandle> {
    const { path, log } = this.#options
    await mkdir(path, { recursive: true, mode: 0o700 })
    const name = fileName(path, 0)
    const { size, cut } = await repair(name)
    if (cut > 0) log.warn({ path: name, bytes: cut }, 'the alarm log ended in half a line, which was cut off')
    this.#size = size
    return open(name, 'a', 0o600)
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = null
    await file?.close().catch(() => undefined)
  }

  #says(problem: string | null): void {
    const { log, path } = this.#options
    if (!this.#refused.isNew(problem === null ? null : true)) return
    if (problem === null) log.info({ path, lost: this.#lost }, 'the alarm log is written again')
    else
      log.error(
        { code: 'PL-ALARM-LOG-UNWRITABLE' satisfies ErrorCode, path, error: problem },
        'the alarm log cannot be written; alarms go out all the same'
      )
  }
}

export type AlarmLogEntry = AlarmMessage | AcknowledgementMessage

export const isAcknowledgementEntry = (entry: AlarmLogEntry): entry is AcknowledgementMessage => 'after_end' in entry

/** The ends of alarms, and what was acknowledged; oldest first. Updates, which are most of the log, are not parsed. */
export function readPastAlarms(folder: string): AsyncGenerator<AlarmLogEntry> {
  return readAlarmLog(folder, (line) => line.includes('"phase":"end"') || line.includes('"after_end":'))
}

/**
 * Reads the log, oldest first. Damaged lines and those of other programs are skipped. The daemon may be running.
 * @param isWanted asked of each line before it is parsed
 * @throws {DiskError} if there is no such folder or it cannot be read
 */
export async function* readAlarmLog(
  folder: string,
  isWanted: (line: string) => boolean = () => true
): AsyncGenerator<AlarmLogEntry> {
  const ages = await agesIn(folder).catch((error: unknown) => {
    throw unreadable(folder, error)
  })
  for (const age of ages.reverse()) {
    const file = await open(fileName(folder, age)).catch((error: NodeJS.ErrnoException) => {
      // The daemon has rotated it since.
      if (error.code === 'ENOENT') return null
      throw unreadable(folder, error)
    })
    if (!file) continue
    for await (const line of file.readLines()) {
      const entry = isWanted(line) ? parseLine(line) : null
      if (entry) yield entry
    }
  }
}

/** @returns null for a line that is neither an alarm message nor an acknowledgement */
function parseLine(line: string): AlarmLogEntry | null {
  try {
    const value = JSON.parse(line) as Partial<AlarmMessage & AcknowledgementMessage> | null
    if (typeof value?.alarm_id !== 'string') return null
    const isEntry = typeof value.after_end === 'boolean' ? isGivenAck(value) : isKeptAlarm(value)
    return isEntry ? (value as AlarmLogEntry) : null
  } catch {
    return null
  }
}

function unreadable(folder: string, error: unknown): DiskError {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT'
    ? new DiskError('PL-ALARM-LOG-MISSING', 'there is no alarm log', folder, { cause: error })
    : new DiskError('PL-ALARM-LOG-UNREADABLE', `the alarm log cannot be read (${code ?? 'unknown reason'})`, folder, {
        cause: error
      })
}

/** The log is a folder of a few files, the newest first: alarms.jsonl, alarms.1.jsonl, alarms.2.jsonl, … */
const pattern = /^alarms(?:\.(\d{1,4}))?\.jsonl$/

function fileName(folder: string, age: number): string {
  return join(folder, age === 0 ? 'alarms.jsonl' : `alarms.${age}.jsonl`)
}

/** The ages of the files there are, newest (0) first. @throws what readdir throws, such as ENOENT */
async function agesIn(folder: string): Promise<number[]> {
  const ages = (await readdir(folder)).flatMap((name) => {
    const match = pattern.exec(name)
    return match ? [Number(match[1] ?? 0)] : []
  })
  return ages.sort((a, b) => a - b)
}

/** Rotates: each file becomes one older, and those beyond `keep` files are deleted. */
async function rotate(folder: string, keep: number): Promise<void> {
  for (const age of (await agesIn(folder)).reverse()) {
    if (age >= keep - 1) await rm(fileName(folder, age), { force: true })
    else await rename(fileName(folder, age), fileName(folder, age + 1))
  }
}

const newline = 0x0a
const chunk = 64 * 1024

/**
 * Cuts off an incomplete last line, as a killed process leaves it.
 * @returns the bytes of whole lines, and how many were cut off
 */
async function repair(path: string): Promise<{ size: number; cut: number }> {
  const file = await open(path, 'a+', 0o600)
  try {
    const { size } = await file.stat()
    const whole = await endOfLastLine(file, size)
    if (whole < size) await file.truncate(whole)
    return { size: whole, cut: size - whole }
  } finally {
    await file.close()
  }
}

async function endOfLastLine(file: Awaited<ReturnType<typeof open>>, size: number): Promise<number> {
  const buffer = Buffer.alloc(chunk)
  for (let end = size; end > 0; end -= chunk) {
    const start = Math.max(0, end - chunk)
    const { bytesRead } = await file.read(buffer, 0, end - start, start)
    const last = buffer.subarray(0, bytesRead).lastIndexOf(newline)
    if (last >= 0) return start + last + 1
  }
  return 0
}
