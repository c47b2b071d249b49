import { fixOf } from '../core/error-codes/index.js'
import { messageOf, PainlensError, printed, withoutFullStop } from '../core/errors.js'
import { printableLines } from '../core/printable.js'
import { toStderr, type Write } from '../core/terminal.js'

/**
 * Prints an error as one message without a stack trace, its code last.
 * @returns the exit code: 2 for wrong usage or config, 1 for the rest
 */
export function report(error: unknown, write: Write = toStderr): number {
  if (error instanceof PainlensError) {
    write(`painlens: ${printed(error)}\n`)
    return error.exitCode
  }
  write(`painlens: ${printableLines(withoutFullStop(messageOf(error)))}. ${fixOf('PL-UNEXPECTED')} [PL-UNEXPECTED]\n`)
  if (process.env.PAINLENS_DEBUG && error instanceof Error) write(`${error.stack}\n`)
  return 1
}
