/** The history of a ward on disk: a file of JSON lines for each day, 0600, for a limited number of days. */
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { priorities } from '../contract/conditions.js'
import { byLanguage } from '../contract/languages/index.js'
import { DiskError, errorFields } from '../core/errors.js'
import type { Log } from '../core/log.js'
import { acknowledgements, nightDeeds } from './wire.js'

const text = z.string().max(500)
const name = text.nullable()
const time = z.number()
const room = { device: text, camera: text }
const at = { at: time }

/** What stands in a line. Times are ms since the epoch, by the box's clock. */
const entrySchema = z.discriminatedUnion('kind', [
  /** All rooms and open alarms follow. `after`: nothing is known of the time since the line before. */
  z.object({ ...at, kind: z.literal('whole'), after: z.boolean() }),
  /** Nothing has changed until then. */
  z.object({ ...at, kind: z.literal('beat') }),
  z.object({
    ...{ ...at, ...room, kind: z.literal('room'), ward: name, room: name, bed: name },
    lamp: z.enum(['watched', 'pain', 'no_face', 'paused', 'unknown']),
    why: z
      .enum([
        ...(['box_off', 'box_unheard', 'broker_away', 'box_silent', 'alarms_unheard'] as const),
        ...(['inference_failed', 'connecting', 'lost', 'frozen', 'dark', 'damaged', 'face_unusable'] as const)
      ])
      .nullable()
  }),
  /** It was taken out of its box's config. */
  z.object({ ...at, ...room, kind: z.literal('gone') }),
  z.object({
    ...{ ...at, kind: z.literal('alarm'), device: text, id: text, camera: name, onset: time },
    ...{ physiological: z.boolean(), test: z.boolean(), priority: z.enum(priorities) },
    text: z.object(byLanguage(() => text))
  }),
  z.object({
    ...{ ...at, kind: z.literal('ack'), device: text, id: text, by: text },
    ...{ as: z.enum(acknowledgements), acked: time }
  }),
  z.object({
    ...{ ...at, kind: z.literal('end'), device: text, id: text, ended: time },
    /** By how much its highest score was above the threshold, and whether it was judged against a resting face. */
    ...{ margin: z.number().nullable().optional(), referenced: z.boolean().optional() }
  }),
  z.object({ ...at, ...room, kind: z.literal('deed'), what: z.enum(nightDeeds), by: text, minutes: time.nullable() })
])

export type HistoryEntry = z.infer<typeof entrySchema>

export interface HistoryOptions {
  /** Made where it is missing. */
  folder: string
  /** For how many days a file is kept. */
  days: number
  /** The present state, for the beginning of a file and after a gap. */
  whole: (at: number) => HistoryEntry[]
  log: Log
  /** Of a day's file; 16 MiB unless given. */
  mostBytes?: number
}

const dayMs = 86_400_000
const defaultMostBytes = 16 * 1024 * 1024
/** Waiting for the disk; more is a gap. */
const mostWaiting = 20_000
/** Beyond `days`, for a clock that is set to and fro. */
const spareFiles = 40
const fileName = /^(\d{4}-\d\d-\d\d)\.jsonl$/

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)

export class NightHistory {
  readonly #options: HistoryOptions
  #waiting: HistoryEntry[] = []
  #writing: Promise<void> = Promise.resolve()
  /** Of the file that was last written. */
  #day: string | null = null
  /** What comes next does not follow from the line before. */
  #broken = true
  #problem: DiskError | null = null

  constructor(options: HistoryOptions) {
    this.#options = options
  }

  /** Why nothing is recorded at present. */
  get problem(): DiskError | null {
    return this.#problem
  }

  /** Takes an entry to be written at the next `flush`. */
  add(entry: HistoryEntry): void {
    if (this.#waiting.length < mostWaiting) this.#waiting.push(entry)
    else this.#broken = true
  }

  /** Writes what waits. A failure is logged, and makes a gap: it throws nothing. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  /** The entries from the day before that of `from` to the day of `to`, in the order in which they were written; lines that are damaged are left out. */
  async *read(from: number, to: number): AsyncGenerator<HistoryEntry> {
    const days = (await this.#days()).filter((day) => day >= dayOf(from - dayMs) && day <= dayOf(to))
    for (const day of days) {
      // A file may be removed meanwhile.
      const file = await open(this.#path(day)).catch(() => null)
      if (!file) continue
      try {
        for await (const line of file.readLines()) {
          const entry = parsed(line)
          if (entry) yield entry
        }
      } catch (error) {
        // The rest of that day is not known.
        this.#options.log.warn(errorFields(historyError(error, this.#path(day))), 'the history of a day cannot be read')
      } finally {
        await file.close().catch(() => undefined)
      }
    }
  }

  /** Removes the files of days that are too long ago, or to come; `now` has to be the true time. */
  async prune(now: number): Promise<void> {
    const [first, last] = [dayOf(now - this.#options.days * dayMs), dayOf(now + dayMs)]
    for (const day of await this.#days()) if (day < first || day > last) await this.#remove(day)
  }

  async #write(): Promise<void> {
    const entries = this.#waiting.splice(0)
    if (entries.length === 0) return
    const { folder, whole, mostBytes = defaultMostBytes } = this.#options
    const { at: begin } = entries[0]!
    const day = dayOf(entries.at(-1)!.at)
    const anew = this.#broken || day !== this.#day
    const first: HistoryEntry[] = anew ? [{ at: begin, kind: 'whole', after: this.#broken }, ...whole(begin)] : []
    // A line that was cut off by a full disk or a kill ends here.
    const lines = `${anew ? '\n' : ''}${[...first, ...entries].map((entry) => `${JSON.stringify(entry)}\n`).join('')}`
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await append(this.#path(day), lines, mostBytes)
      if (day !== this.#day) await this.#bound(day)
      this.#day = day
      this.#broken = false
      if (this.#problem) this.#options.log.info({}, 'the history of the page is recorded again')
      this.#problem = null
    } catch (error) {
      this.#broken = true
      const problem = historyError(error, folder)
      if (this.#problem === null)
        this.#options.log.warn(errorFields(problem), 'the history of the page is not recorded')
      this.#problem = problem
    }
  }

  /** Whatever the clock says, there are only so many files. */
  async #bound(current: string): Promise<void> {
    const days = (await this.#days()).filter((day) => day !== current)
    const excess = days.length - this.#options.days - spareFiles
    for (const day of days.slice(0, Math.max(0, excess))) await this.#remove(day)
  }

  async #days(): Promise<string[]> {
    const names = await readdir(this.#options.folder).catch(() => [])
    return names.flatMap((file) => fileName.exec(file)?.[1] ?? []).sort()
  }

  #remove(day: string): Promise<void> {
    return rm(this.#path(day), { force: true }).catch(() => undefined)
  }

  #path(day: string): string {
    return join(this.#options.folder, `${day}.jsonl`)
  }
}

async function append(path: string, lines: string, mostBytes: number): Promise<void> {
  const file = await open(path, 'a', 0o600)
  try {
    const { size } = await file.stat()
    if (size + lines.length > mostBytes) throw new DiskError('PL-PAGE-HISTORY', 'has reached its largest size', path)
    await file.appendFile(lines)
  } finally {
    await file.close()
  }
}

function historyError(error: unknown, where: string): DiskError {
  if (error instanceof DiskError) return error
  return new DiskError('PL-PAGE-HISTORY', `cannot be used (${(error as NodeJS.ErrnoException).code})`, where)
}

function parsed(line: string): HistoryEntry | null {
  try {
    return entrySchema.safeParse(JSON.parse(line)).data ?? null
  } catch {
    return null
  }
}
