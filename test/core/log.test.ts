import { fstatSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createLog, type LineForm, lineForm } from '../../src/core/log.js'
import { Secrets } from '../../src/core/secrets.js'

function said(form: LineForm, tell: (log: ReturnType<typeof createLog>) => void): string[] {
  const lines: string[] = []
  const secrets = new Secrets()
  secrets.add('hunter2-hunter2')
  tell(createLog('info', secrets, (line) => lines.push(line), form))
  return lines
}

describe('the form of log lines', () => {
  it('auto is text in the journal, which is known by the stream that standard error is, else json without a terminal', () => {
    const { dev, ino } = fstatSync(2)
    expect(lineForm('auto', { JOURNAL_STREAM: `${dev}:${ino}` })).toBe('journal')
    expect(lineForm('auto', { JOURNAL_STREAM: '1:2' })).toBe(process.stderr.isTTY ? 'text' : 'json')
    expect(lineForm('json', { JOURNAL_STREAM: `${dev}:${ino}` })).toBe('json')
    expect(lineForm('text', {})).toBe('text')
  })

  it('a line in the journal has its priority, the stage, the message, then the fields', () => {
    const [line] = said('journal', (log) =>
      log.child({ stage: 'mqtt' }).warn({ code: 'PL-X', after_s: 5 }, 'the broker is away')
    )
    expect(line).toBe('<4>mqtt: the broker is away (code PL-X, after_s 5)\n')
  })

  it('a line on a terminal has time and level, no secret, and nothing that steers the terminal', () => {
    const [line] = said('text', (log) => log.error({ what: 'a\u001b[31mb\nc hunter2-hunter2' }, 'it failed'))
    expect(line).toMatch(/^\d\d:\d\d:\d\d error it failed \(what a\\x1b\[31mb\\nc \*\*\*\)\n$/)
  })

  it('a line without fields has no brackets, and json stays json', () => {
    expect(said('journal', (log) => log.info({}, 'painlens stops'))).toEqual(['<6>painlens stops\n'])
    expect(JSON.parse(said('json', (log) => log.info({ a: 1 }, 'x'))[0]!)).toMatchObject({
      level: 'info',
      a: 1,
      msg: 'x'
    })
  })
})
