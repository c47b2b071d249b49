#!/usr/bin/env node
/** painlens: the table of contents. Each command lives in src/commands; src/daemon joins the stages for `run`. */
import './core/full-precision.js'
import './core/no-telemetry.js'
import { CommanderError } from 'commander'
import { createProgram } from './commands/program.js'
import { report } from './commands/report.js'
import { watchStandardStreams } from './core/standard-streams.js'
import { toStderr } from './core/terminal.js'
import { repairProvider } from './provider/repair.js'

const stop = new AbortController()
process.once('SIGINT', () => stop.abort())
process.once('SIGTERM', () => stop.abort())
const settle = watchStandardStreams(() => stop.abort())

const repaired = repairProvider()
if (repaired) toStderr(`painlens: ${repaired}\n`)

createProgram(async (call) => finish(await call(stop.signal).catch(ended)))
  .parseAsync()
  .catch(async (error: unknown) => {
    // commander has printed its own message; --help and --version come this way too.
    await finish(error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : report(error))
  })

/** A command that was stopped from outside has no more to say. */
function ended(error: unknown): number {
  return stop.signal.aborted && error === stop.signal.reason ? 1 : report(error)
}

/** Waits for the reader of standard output, but for no handle that a command may have left. */
async function finish(code: number): Promise<void> {
  process.exitCode = await settle(code, stop.signal)
  setTimeout(() => process.exit(), 300).unref()
}
