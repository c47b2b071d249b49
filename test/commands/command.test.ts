import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { command } from '../../src/commands/command.js'
import { parseRate } from '../../src/commands/parse.js'
import { commandTable } from '../../src/commands/table.js'
import { packageRoot } from '../../src/core/version.js'
import { painlens } from '../support/command-line.js'

interface Options {
  folder: string
  rtspPort?: number
  proof: boolean
  camera?: string[]
}
const seen: { options: Options; signal: AbortSignal }[] = []
const load = async () => async (options: Options, signal: AbortSignal) => {
  seen.push({ options, signal })
  return 7
}
const usage = 'try <folder>'
const summary = ''
const rows = [
  ['--rtsp-port <port>', '', Number],
  ['--no-proof', ''],
  ['-c, --camera <id=url...>', '']
] as const

describe('a row of the command line', () => {
  it('refuses a frame rate that FFmpeg cannot encode, with what is allowed', () => {
    expect(parseRate('60', '--fps <n>')).toBe(60)
    expect(() => parseRate('0', '--fps <n>')).toThrow('"0" is not a whole number from 1 to 60')
  })

  it('passes the values that commander parsed to its command, the argument by its name', async () => {
    const { run } = command({ usage, summary, options: rows, load })
    const { signal } = new AbortController()
    expect(await run!({ rtspPort: 1, proof: true }, ['there'], signal)).toBe(7)
    expect(seen).toEqual([{ options: { folder: 'there', rtspPort: 1, proof: true }, signal }])
  })

  it('is refused by the compiler where an option is missing, left over or of another type', () => {
    const [port, proof, camera] = rows
    // @ts-expect-error nothing gives `camera`
    command({ usage, summary, options: [port, proof], load })
    // @ts-expect-error the command has no use for `cameras`
    command({ usage, summary, options: [port, proof, ['--cameras <id...>', '']], load })
    // @ts-expect-error `rtspPort` is text
    command({ usage, summary, options: [['--rtsp-port <port>', ''], proof, camera], load })
    // @ts-expect-error nothing gives `folder`
    command({ usage: 'try', summary, options: rows, load })
    // @ts-expect-error `folder` is a list
    command({ usage: 'try <folder...>', summary, options: rows, load })
  })

  it('names its options as commander does', () => {
    const { usage, options = [] } = command({ usage: 'try <folder>', summary, options: rows, load })
    const program = new Command(usage.split(' ')[0]).argument('<folder>').exitOverride()
    for (const [flags, description] of options) program.option(flags, description)
    program.parse(['there', '--rtsp-port', '1', '--camera', 'a=b', 'c=d'], { from: 'user' })
    expect(program.opts()).toEqual({ rtspPort: '1', proof: true, camera: ['a=b', 'c=d'] })
  })
})

describe('the command line', () => {
  it('shows the default of a list as it is typed, in the help of a command', async () => {
    const { status, stdout } = await painlens(['study', 'report', '--help'])
    expect(status).toBe(0)
    expect(stdout.replaceAll(/\s+/g, '')).toContain('(default:lrp.z,lrp.epsilon,')
    expect(stdout).not.toContain('["')
  })

  it('has a command for every row that has no subcommands', () => {
    const parents = new Set(commandTable.map(({ parent }) => parent))
    for (const { usage, run } of commandTable) expect(run === undefined, usage).toBe(parents.has(usage))
  })

  it('has each of its commands in the README', () => {
    const readme = readFileSync(`${packageRoot}README.md`, 'utf8')
    const names = commandTable.filter(({ parent }) => parent === undefined).map(({ usage }) => usage.split(' ')[0]!)
    expect(names.filter((name) => !readme.includes(`| \`painlens ${name}`))).toEqual([])
  })
})
