import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import notify from 'systemd-notify'
import { type ErrorCode, messageOf } from '../../core/errors.js'
import { LastSaid, type Log } from '../../core/log.js'

const run = promisify(execFile)

export interface NotifierOptions {
  /** Read for NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; messages are sent in the process's own environment. */
  env: Readonly<Record<string, string | undefined>>
  log: Log
}

/** Notifies systemd of the daemon's state; does nothing without systemd. No call throws: failures are logged. */
export interface Notifier {
  /** READY=1: the start is over; `systemctl start` returns. */
  ready(status: string): Promise<void>
  /** STATUS=…, one line for `systemctl status`. */
  status(text: string): Promise<void>
  /** STOPPING=1. */
  stopping(): Promise<void>
  /**
   * Sends WATCHDOG=1 at half of the unit's WatchdogSec while `isAlive` is true. It should check progress (finished frames),
   * since a timer alone also runs in a stuck daemon.
   */
  startWatchdog(isAlive: () => boolean): void
  /** Ends the watchdog and waits for pending messages. */
  stop(): Promise<void>
}

const off: Notifier = {
  ready: async () => {},
  status: async () => {},
  stopping: async () => {},
  startWatchdog: () => {},
  stop: async () => {}
}

/** The notifier for this process; it does nothing without $NOTIFY_SOCKET. */
export function createNotifier({ env, log }: NotifierOptions): Notifier {
  return env.NOTIFY_SOCKET ? new SystemdNotifier(log, watchdogInterval(env)) : off
}

/**
 * Half of the watchdog's time in ms, or null where it is off or meant for another process: sd_watchdog_enabled(3).
 */
export function watchdogInterval(env: NotifierOptions['env'], pid = process.pid): number | null {
  const microseconds = Number(env.WATCHDOG_USEC)
  const forUs = !env.WATCHDOG_PID || Number(env.WATCHDOG_PID) === pid
  return forUs && microseconds > 0 && Number.isFinite(microseconds) ? Math.max(1, microseconds / 2000) : null
}

class SystemdNotifier implements Notifier {
  /** Messages are sent one after the other: each is a process, and READY must not arrive after STOPPING. */
  #queue: Promise<void> = Promise.resolve()
  #feeding = false
  #timer: NodeJS.Timeout | undefined

  constructor(
    private readonly log: Log,
    private readonly interval: number | null
  ) {}

  ready(status: string): Promise<void> {
    return this.#send(() => notify({ ready: true, status: oneLine(status) }))
  }

  status(text: string): Promise<void> {
    return this.#send(() => notify({ status: oneLine(text) }))
  }

  stopping(): Promise<void> {
    return this.#send(() => systemdNotify('STOPPING=1'))
  }

  startWatchdog(isAlive: () => boolean): void {
    if (this.interval === null || this.#timer) return
    const stuck = new LastSaid<boolean>()
    const feed = (): void => {
      const alive = isAlive()
      if (stuck.isNew(alive ? null : true) && !alive)
        this.log.error({ stage: 'systemd' }, 'no progress: the watchdog is not fed any more')
      if (alive && !this.#feeding) void this.#feed()
    }
    this.#timer = setInterval(feed, this.interval)
    feed()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.#queue
  }

  async #feed(): Promise<void> {
    this.#feeding = true
    await this.#send(() => systemdNotify('WATCHDOG=1'))
    this.#feeding = false
  }

  #send(message: () => Promise<unknown>): Promise<void> {
    this.#queue = this.#queue.then(message).then(
      () => undefined,
      (error: unknown) =>
        this.log.warn(
          { code: 'PL-SYSTEMD-NOTIFY' satisfies ErrorCode, stage: 'systemd', error: reason(error) },
          'systemd cannot be told'
        )
    )
    return this.#queue
  }
}

/** For messages without a call in the systemd-notify package. The program itself waits at most 5 s for systemd. */
async function systemdNotify(variable: string): Promise<void> {
  await run('systemd-notify', [variable], { timeout: 10_000, killSignal: 'SIGKILL' })
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ')

function reason(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' ? 'the program systemd-notify is missing; install systemd' : messageOf(error)
}
