/** Where the control socket lies, and the right to it: one daemon has it, for its own user and root. */
import { randomBytes } from 'node:crypto'
import { chmod, link, lstat, rename, rm, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { ControlError, PainlensError } from '../../core/errors.js'

const fileName = 'control.sock'

/**
 * In the service's runtime folder, which systemd removes with it; without systemd in the outbox's folder, which belongs to
 * one daemon at a time and, in a container, is on a volume that other containers of painlens see.
 */
export function controlSocket(outboxFolder: string, env: Readonly<Record<string, string | undefined>>): string {
  return join(env.RUNTIME_DIRECTORY?.split(':')[0] || outboxFolder, fileName)
}

/** `sockaddr_un` has 108 bytes, the last of them a zero. */
const mostPathBytes = 107
const probeMs = 1000

/**
 * Listens with permissions 0600. The socket of a daemon that was killed is replaced; that of one that lives stays. It is
 * opened under another name and linked to its own, so that it is never there with other permissions, and of two daemons
 * that start at the same time only one gets it.
 * @param listen opens it at the path that it is given
 * @returns removes it, unless another daemon's lies there by now
 * @throws ControlError
 */
export async function claimSocket(
  path: string,
  listen: (path: string) => Promise<unknown>
): Promise<() => Promise<void>> {
  const own = `${path}.${randomBytes(3).toString('hex')}`
  if (Buffer.byteLength(own) > mostPathBytes)
    throw cannotListen(path, `its path is longer than ${mostPathBytes - own.length + path.length} bytes`)
  try {
    // Node.js would say EACCES where the folder is missing.
    await stat(dirname(path))
    await listen(own)
    await chmod(own, 0o600)
    const { ino } = await lstat(own)
    await linkInPlace(own, path)
    return () => removeOwn(path, ino)
  } catch (error) {
    throw error instanceof PainlensError ? error : cannotListen(path, (error as NodeJS.ErrnoException).code, error)
  } finally {
    await rm(own, { force: true })
  }
}

async function linkInPlace(own: string, path: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await link(own, path)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || tries === 3) throw error
    }
    const there = await lstat(path).catch(() => null)
    if (there && !there.isSocket()) throw cannotListen(path, 'something else lies there')
    if (!(await isStale(path))) throw new ControlError('PL-CONTROL-TAKEN', 'another painlens is asked there', path)
    await removeStale(path, `${own}.old`)
  }
}

/** Another daemon may have put its own there since: it gets it back. */
async function removeStale(path: string, aside: string): Promise<void> {
  try {
    await rename(path, aside)
    if (!(await isStale(aside))) await link(aside, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error
  } finally {
    await rm(aside, { force: true })
  }
}

/** Whether no process listens: connecting is refused at once, also where the process is stopped or too busy to answer. */
function isStale(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const end = (stale: boolean): void => {
      socket.destroy()
      resolve(stale)
    }
    socket.setTimeout(probeMs, () => end(false))
    socket.once('connect', () => end(false))
    socket.once('error', ({ code }: NodeJS.ErrnoException) => end(code === 'ECONNREFUSED' || code === 'ENOENT'))
  })
}

async function removeOwn(path: string, ino: number): Promise<void> {
  const there = await lstat(path).catch(() => null)
  if (there?.ino === ino) await rm(path, { force: true })
}

export const cannotListen = (path: string, why = 'unknown reason', cause?: unknown): ControlError =>
  new ControlError('PL-CONTROL-LISTEN', `cannot be listened on (${why})`, path, { cause })
