import { Command, Option } from 'commander'
import { toStderr, toStdout } from '../core/terminal.js'
import { version } from '../core/version.js'
import type { CommandRow } from './command.js'
import { commandTable } from './table.js'

/** A command of the table with the words that it was called with. */
export type Call = (signal: AbortSignal) => Promise<number>

/**
 * The command line of the table, as commander parses it. For help, version and wrong words it throws a CommanderError after it has
 * printed what there is to say.
 * @param perform called with the command that the words name
 */
export function createProgram(perform: (call: Call) => Promise<void>): Command {
  const program = new Command('painlens')
    .description(
      'Watches RTSP cameras in care homes, classifies pain in faces, explains each alarm, tells nurse calls over MQTT.'
    )
    .version(version)
    .showHelpAfterError('(painlens COMMAND --help shows options and examples)')
    .exitOverride()
    .configureOutput({ writeOut: (text) => toStdout(text), writeErr: (text) => toStderr(text) })
  for (const row of commandTable) addCommand(program, row, perform)
  return program
}

function addCommand(program: Command, row: CommandRow, perform: (call: Call) => Promise<void>): void {
  const parent = row.parent ? program.commands.find((command) => command.name() === row.parent)! : program
  const command = parent.command(row.usage).description(row.summary).exitOverride()
  for (const [flags, description, parse, fallback] of row.options ?? []) {
    const option = new Option(flags, description)
    if (parse) option.argParser((text: string) => parse(text, flags))
    // A list is shown as it is typed; commander would show it as JSON.
    if (fallback !== undefined) option.default(fallback, Array.isArray(fallback) ? fallback.join(',') : undefined)
    command.addOption(option)
  }
  if (row.notes) command.addHelpText('after', `\n${row.notes.join('\n')}`)
  if (row.examples) command.addHelpText('after', `\nExamples:\n${row.examples.map((line) => `  $ ${line}`).join('\n')}`)
  const { run } = row
  if (run)
    command.action((...args: unknown[]) =>
      perform((signal) => run(args.at(-2) as Record<string, unknown>, args.slice(0, -2), signal))
    )
}
