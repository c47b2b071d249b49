import { messageOf, PainlensError } from '../core/errors.js'

/**
 * Tells the user about an error in one message without a stack trace.
 * @returns the exit code: 2 for wrong usage or config, 1 for the rest
 */
export function report(
  error: unknown,
  write: (text: string) => void = (text) => void process.stderr.write(text)
): number {
  if (error instanceof PainlensError) {
    write(`painlens: ${error.message}\n`)
    return error.exitCode
  }
  write(`painlens: ${messageOf(error)}. This is unexpected; set PAINLENS_DEBUG=1 to see where it comes from.\n`)
  if (process.env.PAINLENS_DEBUG && error instanceof Error) write(`${error.stack}\n`)
  return 1
}
