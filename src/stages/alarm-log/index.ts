/** What painlens has told, kept on the device: an append-only log of alarm messages, bounded, without pictures. */
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import type { AlarmMessage } from '../../contract/messages.js'
import { type ErrorCode, messageOf } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import { fileName, repair, rotate } from './files.js'

export { readAlarmLog } from './read.js'

export interface AlarmLogOptions {
  /** A folder of its own; made where it is missing. */
  path: string
  /** Of all files together. */
  maxBytes: number
  /** A message as JSON without secrets. */
  encode: (message: AlarmMessage) => string
  log: Log
  /** Until the next try after the disk has refused; 10 s unless told otherwise. */
  retryMs?: number
}

export interface AlarmLog {
  /** Never throws and never waits: where the disk refuses, the newest lines are kept in memory and tried again. */
  append(message: AlarmMessage): void
  /** Resolves when what was appended is on disk, or the disk has refused it. */
  flushed(): Promise<void>
  close(): Promise<void>
}

/** The oldest of so many files goes when there is a new one. */
const files = 8
/** Lines that wait in memory while the disk refuses. */
const maxWaiting = 1000
const defaultRetryMs = 10_000

/** Nothing is opened before the first message, so that no disk keeps painlens from starting. */
export function openAlarmLog(options: AlarmLogOptions): AlarmLog {
  return new RotatedLog(options)
}

class RotatedLog implements AlarmLog {
  readonly #options: AlarmLogOptions
  #waiting: string[] = []
  #lost = 0
  #refused: string | null = null
  #writing: Promise<void> | null = null
  #retry: NodeJS.Timeout | undefined
  #file: FileHandle | null = null
  #size = 0

  constructor(options: AlarmLogOptions) {
    this.#options = options
  }

  append(message: AlarmMessage): void {
    this.#waiting.push(`${this.#options.encode(message)}\n`)
    if (this.#waiting.length > maxWaiting) {
      this.#waiting.shift()
      this.#lost++
    }
    // While the disk refuses, the timer tries again; each message trying would only be noise.
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
      // What came in since the writer looked last; after a refusal the timer tries again.
      if (this.#waiting.length > 0 && this.#retry === undefined) this.#start()
    })
  }

  /** What came in during one sync goes to disk together with the next. */
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
        // What was written of a line is cut off when the file is opened again.
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

  /** Says once that the disk refuses, and once that it works again. */
  #says(problem: string | null): void {
    const { log, path } = this.#options
    if (problem !== null && this.#refused === null)
      log.error(
        { code: 'PL-ALARM-LOG-UNWRITABLE' satisfies ErrorCode, path, error: problem },
        'the alarm log cannot be written; alarms go out all the same'
      )
    if (problem === null && this.#refused !== null)
      log.info({ path, lost: this.#lost }, 'the alarm log is written again')
    this.#refused = problem
  }
}
