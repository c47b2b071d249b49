import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { terminalOutput } from '../../src/commands/explain/output.js'
import { Prompter } from '../../src/commands/prompter.js'
import { createLog } from '../../src/core/log.js'
import { printableJson } from '../../src/core/printable.js'
import { Secrets } from '../../src/core/secrets.js'
import { shown, toStderr, toStdout } from '../../src/core/terminal.js'
import { Narrator } from '../../src/show/demo/narrator.js'

/** One of each kind of character that steers a terminal, but for line breaks and tabs. */
const hostile = 'a\u001b[2J\u0007\u009b31m\u0085\u202e\u2066\u200f\u2028\u007f\rz'
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const steers = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/u

/** Runs something, and returns what it writes to a standard stream that is a terminal or is not. */
function printedBy(name: 'stdout' | 'stderr', isTTY: boolean, act: () => void): string {
  let text = ''
  const stream = process[name]
  const was = stream.isTTY
  const write = vi.spyOn(stream, 'write').mockImplementation((more) => {
    text += more
    return true
  })
  stream.isTTY = isTTY
  try {
    act()
  } finally {
    stream.isTTY = was
    write.mockRestore()
  }
  return text
}

afterEach(() => vi.unstubAllEnvs())

describe('printed text', () => {
  it.each([
    ['stdout', toStdout],
    ['stderr', toStderr]
  ] as const)('to %s keeps line breaks and tabs, and shows terminal control characters as text', (name, write) => {
    const text = printedBy(name, true, () => write(`${hostile}\n\tnext\n`))
    expect(text).not.toMatch(steers)
    expect(text).toMatch(/^a\\x1b\[2J\\x07\\x9b31m.*\\u202e.*z\n\tnext\n$/)
  })

  it('has the colour that painlens gives it on a terminal only, and not if NO_COLOR is set', () => {
    const paint = { from: 2, to: 5, sgr: '31' }
    const print = () => toStdout('x red \u001b[31m\n', paint)
    vi.stubEnv('NO_COLOR', '')
    expect(printedBy('stdout', true, print)).toBe('x \u001b[31mred\u001b[0m \\x1b[31m\n')
    expect(printedBy('stdout', false, print)).toBe('x red \\x1b[31m\n')
    vi.stubEnv('NO_COLOR', '1')
    expect(printedBy('stdout', true, print)).toBe('x red \\x1b[31m\n')
  })

  it('can have a colour from its first character', () => {
    expect(shown('[ ok ] fine', { to: 6, sgr: '32' })).toBe('\u001b[32m[ ok ]\u001b[0m fine')
  })
})

describe('printed JSON', () => {
  it('has terminal control characters escaped, and parses to the same value', () => {
    const value = { [hostile]: [hostile, 'half \ud83d', 'Größe 🔑\n'] }
    const json = printableJson(JSON.stringify(value))
    expect(json).not.toMatch(steers)
    expect(json).not.toContain('\n')
    expect(JSON.parse(json)).toEqual(value)
  })

  it('has them escaped in a line of the log, too', () => {
    let line = ''
    const log = createLog('info', new Secrets(), (more) => {
      line += more
    })
    log.warn({ by: hostile, [hostile]: 1 }, hostile)
    expect(line.endsWith('}\n')).toBe(true)
    expect(line).not.toMatch(steers)
    expect(JSON.parse(line)).toMatchObject({ by: hostile, [hostile]: 1, msg: hostile })
  })
})

/** What may write to a standard stream itself, and why. */
const writers: Record<string, string> = {
  'src/core/terminal.ts': 'is what all others print with',
  'src/core/log.ts': 'hands JSON on, in which nothing steers a terminal',
  'src/core/standard-streams.ts': 'waits for what was written, by an empty text',
  'src/core/worker.ts': "writes its own worker's name for a debugger",
  'src/onvif/child.ts': 'answers its parent process by JSON in a pipe',
  'src/commands/explain/output.ts': 'draws a line that the next one replaces',
  'src/commands/prompter.ts': "hands standard input and standard error to readline, which shows the user's own typing"
}
/** Reading a property of a stream, or listening to it, prints nothing. */
const harmless = /process\.std(?:out|err)\.(?:isTTY|columns|on\b)/g

const root = resolve(import.meta.dirname, '../..')
const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join('src', name))

describe('the code that prints', () => {
  it('uses core/terminal.ts, apart from the listed exceptions', () => {
    const found = files.filter((file) => {
      const code = readFileSync(join(root, file), 'utf8')
        .replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
        .replace(harmless, '')
      return /process\.std(?:out|err)|\bconsole\.|writeSync\(\s*[12]\b|\/dev\/(?:tty|std)/.test(code)
    })
    expect(found.sort()).toEqual(Object.keys(writers).sort())
  })

  it('of explanations shows hostile names as text on standard output, standard error and the progress line', () => {
    let text = ''
    const stream = { isTTY: true, columns: 200, write: (more: string) => (text += more) }
    const output = terminalOutput(stream, stream)
    output.write(`${hostile}\n`)
    output.complain(`${hostile}\n`)
    output.progress(hostile)
    expect(text).not.toMatch(steers)
    output.progress(null)
    expect(text.replace('\r\u001b[2K', '')).not.toMatch(steers)
  })

  it('of the demo shows hostile messages on one line each', () => {
    const lines: string[] = []
    const narrator = new Narrator((text, paint) => lines.push(shown(text, paint)), 0)
    const named = `${hostile}\nforged line`
    const text = { en: named, de: named }
    const fields = { text, priority: 'high', score: 0.5, updated: '1970-01-01T00:00:01.000Z', duration_s: 1 }
    narrator.alarm({ ...fields, phase: 'start' } as never)
    narrator.alarm({ ...fields, phase: 'end' } as never)
    narrator.explanation({ text } as never, 0)
    narrator.camera('bed-a', { state: named, since: '1970-01-01T00:00:01.000Z' } as never)
    narrator.stretch({ event: 'stretch', expression: named, intensity: 1, at: 0, seconds: 1 })
    expect(lines).toHaveLength(6)
    expect(lines[0]).toContain('   1.0 s  nurse call  \u001b[1;31mALARM: ')
    expect(lines[0]!.endsWith('\u001b[0m\n')).toBe(true)
    for (const line of lines) {
      const plain = line.replace('\u001b[1;31m', '').replace('\u001b[0m', '')
      expect(plain).not.toMatch(steers)
      expect(plain.match(/\n/g)).toHaveLength(1)
    }
  })

  it('of config init shows hostile text in a question as text', async () => {
    let text = ''
    const output = new Writable({
      write: (chunk, _, done) => {
        text += chunk
        done()
      }
    })
    const prompter = new Prompter(
      { input: Readable.from(['\n']), output } as never,
      'painlens',
      new AbortController().signal
    )
    await prompter.ask({ text: hostile, fallback: hostile })
    prompter.close()
    expect(text).not.toMatch(steers)
  })
})
