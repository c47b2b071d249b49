/** Which process has an outbox: a painlens has it from early in its start, long before it can be asked, until it has stopped. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ControlError } from '../../core/errors.js'

/**
 * The process that holds the lock of an outbox, as the kernel lists it; null where it lists no process. It leaves out those of
 * other containers.
 * @param folder the outbox's
 */
export async function outboxHolder(folder: string): Promise<number | null> {
  try {
    const { dev, ino } = await stat(join(folder, 'LOCK'))
    const major = (dev >> 8) & 0xfff
    const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00)
    const hex = (part: number): string => part.toString(16).padStart(2, '0')
    const place = ` ${hex(major)}:${hex(minor)}:${ino} `
    // 1: POSIX  ADVISORY  WRITE 4711 08:01:131090 0 EOF
    const line = (await readFile('/proc/locks', 'utf8')).split('\n').find((one) => one.includes(place))
    const pid = Number(line?.trim().split(/\s+/)[4])
    return pid > 0 ? pid : null
  } catch {
    return null
  }
}

/**
 * For a command that found no painlens to ask.
 * @param folder the outbox's
 * @throws ControlError where a process has the outbox all the same
 */
export async function refuseHeld(folder: string): Promise<void> {
  const pid = await outboxHolder(folder)
  if (pid === null) return
  const what = `process ${pid} has this outbox, and answers no command: a painlens that is starting or stopping`
  throw new ControlError('PL-CONTROL-HELD', what, folder)
}
