import { constants, open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** More than any config or password has; `/dev/zero` and a growing log have no end. */
const maxBytes = 1024 * 1024
/** How long a pipe's writer may take, such as that of `--config <(…)`. */
const defaultPatienceMs = 10_000
const pauseMs = 20

/**
 * A file's text, as UTF-8. A pipe or device that gives nothing is given up: a read that waits in one would keep
 * the whole process from ending, even after SIGTERM.
 * @throws the system's error; EFBIG for more than 1 MiB, ETIMEDOUT for a pipe whose writer keeps silent
 */
export async function readText(path: string, patienceMs = defaultPatienceMs): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const chunks: Buffer[] = []
    let length = 0
    const until = performance.now() + patienceMs
    for (;;) {
      const chunk = Buffer.alloc(64 * 1024)
      const bytesRead = await file.read(chunk).then(
        (done) => done.bytesRead,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EAGAIN') return null
          throw error
        }
      )
      if (bytesRead === 0) return Buffer.concat(chunks).toString('utf8')
      if (bytesRead === null) {
        if (performance.now() > until) throw failed('ETIMEDOUT')
        await sleep(pauseMs)
        continue
      }
      chunks.push(chunk.subarray(0, bytesRead))
      length += bytesRead
      if (length > maxBytes) throw failed('EFBIG')
    }
  } finally {
    await file.close()
  }
}

const failed = (code: string): Error => Object.assign(new Error(code), { code })
