import { randomBytes } from 'node:crypto'
import { UsageError } from '../../core/errors.js'
import { event } from '../../core/event.js'
import type { RtspStream } from './rtsp-server-stream.js'

/** The right to publish under one path, given to one feed. */
export interface Publication {
  /** The address for ANNOUNCE. Valid for the first publisher that uses it only. */
  readonly secretPath: string
  /** Settles with the publisher's first packet. */
  readonly started: Promise<void>
  /** Settles when the first reader plays it. */
  readonly watched: Promise<void>
  /** Ends the stream and its readers, and revokes the right. */
  close(): void
}

interface Entry {
  path: string
  claimed: boolean
  stream: RtspStream | undefined
  start: () => void
  watch: () => void
}

/** Which path is played from which stream, and who may publish it. */
export class RtspPublications {
  readonly #bySecret = new Map<string, Entry>()

  /** @param path as readers name it: `/bed` */
  open(path: string): Publication {
    if ([...this.#bySecret.values()].some((entry) => entry.path === path))
      throw new UsageError('PL-SIMULATE-PATH', `${path} is published already`, 'the RTSP server')
    const secretPath = `/publish/${randomBytes(16).toString('hex')}`
    const [start, started] = event()
    const [watch, watched] = event()
    this.#bySecret.set(secretPath, { path, claimed: false, stream: undefined, start, watch })
    return { secretPath, started, watched, close: () => this.end(secretPath) }
  }

  /** Whether a path, or a track of it, is for publishing. */
  isSecret(path: string): boolean {
    return this.#bySecret.has(path) || this.#bySecret.has(parentOf(path))
  }

  /** True for the first caller. */
  claim(secretPath: string): boolean {
    const entry = this.#bySecret.get(secretPath)
    if (!entry || entry.claimed) return false
    entry.claimed = true
    return true
  }

  begin(secretPath: string, stream: RtspStream): void {
    const entry = this.#bySecret.get(secretPath)
    if (entry) {
      entry.stream = stream
      stream.onReader = entry.watch
    } else stream.close()
  }

  /** The first packet has come. */
  flows(secretPath: string): void {
    this.#bySecret.get(secretPath)?.start()
  }

  end(secretPath: string): void {
    const entry = this.#bySecret.get(secretPath)
    this.#bySecret.delete(secretPath)
    entry?.stream?.close()
  }

  stream(path: string): RtspStream | undefined {
    for (const entry of this.#bySecret.values()) if (entry.path === path) return entry.stream
    return undefined
  }

  /** @param path a track's: `/bed/streamid=0` */
  streamOfTrack(path: string): RtspStream | undefined {
    return this.stream(parentOf(path))
  }
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'))
