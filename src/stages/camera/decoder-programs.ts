import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { Program } from './decoder.js'

/** What a decoder may need of painlens's own environment; the rest may hold secrets, and /proc shows a child's. */
const passedOn = [
  ...['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH'],
  ...['XDG_CACHE_HOME', 'GST_PLUGIN_PATH', 'GST_REGISTRY']
]

/** Longer lines of a program are cut. */
export const maxLineLength = 2000

/**
 * The first writes straight into the second, past us: its standard output is our end of the other's standard input, which
 * we close once it has it, so that each of them notices the other's end. Where the second cannot be started, nor is the first.
 */
export function startBoth(first: Program, second: Program): ChildProcess[] {
  const reader = start(second, ['pipe', 'pipe', 'pipe', 'pipe'])
  if (reader.pid === undefined || !reader.stdin) return [reader]
  const writer = start(first, ['pipe', reader.stdin, 'pipe'])
  reader.stdin.destroy()
  return [writer, reader]
}

/**
 * In a process group of its own, so that Ctrl-C ends it by way of stop() and not as one more failure, and a decoder's own
 * children end with it.
 */
export function start({ command, args }: Program, stdio: StdioOptions): ChildProcess {
  return spawn(command, args, { stdio, env: decoderEnvironment(), detached: true })
}

/** Of the own environment of painlens, what a decoder gets. */
export function decoderEnvironment(): NodeJS.ProcessEnv {
  const own = passedOn.filter((name) => process.env[name] !== undefined)
  return { ...Object.fromEntries(own.map((name) => [name, process.env[name]])), LC_ALL: 'C', GST_DEBUG_NO_COLOR: '1' }
}

/** Lines without their end; empty ones are left out, and ones that never end are cut, one character late so that it shows. */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = ''
  const emit = (line: string): void => {
    if (line.trim() !== '') onLine(line.trim())
  }
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const lines = (rest + text).split(/[\r\n]+/)
    rest = (lines.pop() ?? '').slice(0, maxLineLength + 1)
    for (const line of lines) emit(line.slice(0, maxLineLength + 1))
  })
  stream.on('end', () => emit(rest))
}
