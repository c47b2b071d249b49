/**
 * What painlens prints. All text for a terminal goes through `toStdout` and `toStderr`, so that what comes from outside (an
 * acknowledgement, a file's name, a broker's or a camera's words) is shown and never steers the terminal.
 * test/core/terminal.test.ts walks over everything that prints.
 */
import { printableLines } from './printable.js'

/** A part of a text in a colour, which painlens itself adds: the characters from `from` up to `to`. */
export interface Paint {
  from?: number
  to: number
  /** The parameters of "select graphic rendition" (ECMA-48, 8.3.117): `31` is red, `1` is bold. */
  sgr: string
}

/** Prints a text with its line breaks. */
export type Write = (text: string, paint?: Paint) => void

/** The text as a terminal shows it: escapes such as `\x1b` in place of what would steer the terminal, but for the paint. */
export function shown(text: string, paint?: Paint): string {
  if (!paint) return printableLines(text)
  const { from = 0, to, sgr } = paint
  const [before, within, after] = [text.slice(0, from), text.slice(from, to), text.slice(to)].map(printableLines)
  return `${before}\u001b[${sgr}m${within}\u001b[0m${after}`
}

type Stream = Pick<NodeJS.WriteStream, 'isTTY' | 'write'>

const writeTo =
  (stream: () => Stream): Write =>
  (text, paint) => {
    const { isTTY } = stream()
    stream().write(shown(text, isTTY && !process.env.NO_COLOR ? paint : undefined))
  }

/** Prints what was asked for. */
export const toStdout = writeTo(() => process.stdout)
/** Prints what is said about it: problems, progress, questions. */
export const toStderr = writeTo(() => process.stderr)

/** Columns of the terminal on standard output; infinite where that is none, so that lines stay whole for other programs. */
export const terminalWidth = (): number =>
  process.stdout.isTTY ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY

/** Hands a file's content to whatever standard output is; resolves when it has been taken. */
export const bytesToStdout = (bytes: Uint8Array): Promise<void> =>
  new Promise((done) => process.stdout.write(bytes, () => done()))
