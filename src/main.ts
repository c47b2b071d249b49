#!/usr/bin/env node
/** painlens: the table of contents. Each command lives in src/commands; src/daemon joins the stages for `run`. */
import './core/full-precision.js'
import './core/no-telemetry.js'
import { Command, CommanderError } from 'commander'
import type { CommandRow } from './commands/command.js'
import { report } from './commands/report.js'
import { commandTable } from './commands/table.js'
import { watchStandardStreams } from './core/standard-streams.js'
import { toStderr, toStdout } from './core/terminal.js'
import { version } from './core/version.js'
import { repairProvider } from './provider/repair.js'

const program = new Command('painlens')
  .description(
    'Watches RTSP cameras in care homes, classifies pain in faces, explains each alarm, tells nurse calls over MQTT.'
  )
  .version(version)
  .showHelpAfterError('(painlens COMMAND --help shows options and examples)')
  .exitOverride()
  .configureOutput({ writeOut: (text) => toStdout(text), writeErr: (text) => toStderr(text) })

for (const row of commandTable) addCommand(row)

const stop = new AbortController()
process.once('SIGINT', () => stop.abort())
process.once('SIGTERM', () => stop.abort())
const settle = watchStandardStreams(() => stop.abort())

const repaired = repairProvider()
if (repaired) toStderr(`painlens: ${repaired}\n`)

program.parseAsync().catch(async (error: unknown) => {
  // commander has printed its own message; --help and --version come this way too.
  await finish(error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : report(error))
})

function addCommand(row: CommandRow): void {
  const command = (row.parent ? findCommand(row.parent) : program)
    .command(row.usage)
    .description(row.summary)
    .exitOverride()
  for (const [flags, description, parse, fallback] of row.options ?? []) {
    if (parse) command.option(flags, description, (text: string) => parse(text, flags), fallback)
    else command.option(flags, description, fallback as string | undefined)
  }
  if (row.notes) command.addHelpText('after', `\n${row.notes.join('\n')}`)
  if (row.examples) command.addHelpText('after', `\nExamples:\n${row.examples.map((line) => `  $ ${line}`).join('\n')}`)
  const { run } = row
  if (run)
    command.action(async (...args: unknown[]) => {
      const options = args.at(-2) as Record<string, unknown>
      await finish(await run(options, args.slice(0, -2), stop.signal).catch(ended))
    })
}

/** A command that was stopped from outside has no more to say. */
function ended(error: unknown): number {
  return stop.signal.aborted && error === stop.signal.reason ? 1 : report(error)
}

function findCommand(name: string): Command {
  return program.commands.find((command) => command.name() === name)!
}

/** Waits for the reader of standard output, but for no handle that a command may have left. */
async function finish(code: number): Promise<void> {
  process.exitCode = await settle(code, stop.signal)
  setTimeout(() => process.exit(), 300).unref()
}
