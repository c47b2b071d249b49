/**
 * Standard output and standard error that cannot be written to: the reader left (`painlens check | head -1`), the disk is
 * full. Node.js would end the process with a stack trace for each.
 */
import { DiskError, messageOf, printed } from './errors.js'
import { toStderr } from './terminal.js'

/** What a shell says of a program that ended by SIGPIPE, as other programs do whose reader leaves. */
const endedByPipe = 128 + 13

/**
 * Lets a command end in order when what it prints reaches no reader any more. Nothing is ended by standard error, which
 * has lost its lines then and no more.
 * @param stop called once, when standard output is lost before the command has ended
 * @returns settles the exit code of a command that has ended with `code`, once its reader, who may be slow
 *   (`painlens alarms | less`), has taken what it printed; at once when `signal` aborts
 */
export function watchStandardStreams(stop: () => void): (code: number, signal: AbortSignal) => Promise<number> {
  let ended = false
  let instead: number | undefined
  process.stderr.on('error', () => undefined)
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    const readerLeft = error.code === 'EPIPE'
    if (instead !== undefined || (readerLeft && ended)) return
    instead = readerLeft ? endedByPipe : 1
    if (!readerLeft) {
      const lost = new DiskError('PL-OUTPUT', `cannot be written (${messageOf(error)})`, 'standard output')
      toStderr(`painlens: ${printed(lost)}\n`)
    }
    if (ended) process.exitCode = instead
    else stop()
  })
  return async (code, signal) => {
    await taken(process.stdout, signal)
    ended = true
    return instead ?? code
  }
}

/** Resolves when nothing that was written is left in this process, after the error if the reader has left. */
async function taken(stream: NodeJS.WriteStream, signal: AbortSignal): Promise<void> {
  if (stream.writableLength === 0 || signal.aborted) return
  await new Promise<void>((done) => {
    signal.addEventListener('abort', () => done(), { once: true })
    stream.write('', () => setImmediate(done))
  })
}

/** What `lineWriter` needs of a stream. */
export interface LineStream {
  write(line: string, done: (error?: Error | null) => void): unknown
}

/**
 * Writes log lines, and drops those that cannot be written: a daemon watches on, whatever its log is kept in. The first
 * line that can be written again is followed by one that says how many were lost.
 * @returns writes one line, with its line break
 */
export function lineWriter(stream: LineStream): (line: string) => void {
  let lost = 0
  const tellLost = (): void => {
    const lines = lost
    lost = 0
    const msg = 'log lines were lost, because they could not be written'
    const note = { level: 'warn', time: new Date().toISOString(), lines, msg }
    stream.write(`${JSON.stringify(note)}\n`, (error) => {
      if (error) lost += lines
    })
  }
  return (line) => {
    stream.write(line, (error) => {
      if (error) lost++
      else if (lost > 0) tellLost()
    })
  }
}
