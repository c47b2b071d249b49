import type { CommandRow } from '#painlens/commands/command.js'
import { commandTable } from '#painlens/commands/table.js'
import { table } from './markdown.js'

const introduction = `# The command line

For technicians: every command with its options. Written by \`npm run generate\` from \`src/commands/table.ts\`; do not edit. Each says the same with \`--help\`.

The exit code is 0 if all is well, 1 if something failed, 2 for wrong usage or a wrong config, 141 if the reader of its output left.
`

/** docs/operate/commands.md: each command with its options and examples. */
export function commandsPage(): string {
  const commands = commandTable.filter(({ run }) => run !== undefined)
  const overview = commands.map((row) => [`[\`${nameOf(row)}\`](#${nameOf(row).replaceAll(' ', '-')})`, row.summary])
  return `${[introduction, table(['command', 'what it does'], overview), ...commands.flatMap(chapter)].join('\n')}\n`
}

const nameOf = ({ parent, usage }: CommandRow): string =>
  [...(parent ? [parent] : []), usage.replace(/ .*/, '')].join(' ')

function chapter(row: CommandRow): string[] {
  const { parent, usage, summary, options = [], notes = [], examples = [] } = row
  const rows = options.map(([flags, description, , fallback]) => [
    `\`${flags}\``,
    description,
    fallback === undefined ? '' : `\`${fallback}\``
  ])
  return [
    `\n## ${nameOf(row)}\n`,
    summary,
    `\n    painlens ${parent ? `${parent} ` : ''}${usage}${options.length > 0 ? ' [options]' : ''}`,
    ...(rows.length > 0 ? ['', table(['option', 'what', 'default'], rows)] : []),
    ...(notes.length > 0 ? ['', ...notes] : []),
    ...(examples.length > 0 ? ['', 'Examples:', '', ...examples.map((line) => `    ${line}`)] : [])
  ]
}
