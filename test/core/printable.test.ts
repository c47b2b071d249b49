import { describe, expect, it } from 'vitest'
import { report } from '../../src/commands/report.js'
import { InputError, printed } from '../../src/core/errors.js'
import { printable, printableLines } from '../../src/core/printable.js'

describe('text from outside', () => {
  it.each([
    ['\u001b]0;title\u0007', '\\x1b]0;title\\x07'],
    ['\u009b31m', '\\x9b31m'],
    ['a\nb\r\tc', 'a\\nb\\r\\tc'],
    ['jpg.\u202eexe', 'jpg.\\u202eexe'],
    ['half \ud83d', 'half \\ud83d'],
    ['Größe 🔑 日本.png', 'Größe 🔑 日本.png']
  ])('%j is printed as %s', (name, expected) => {
    expect(printable(name)).toBe(expected)
  })

  it('a message keeps its line breaks and tabs, and shows other control characters as text', () => {
    expect(printableLines('one\n\ttwo\u001b[2J\r')).toBe('one\n\ttwo\\x1b[2J\\r')
  })

  it('an error, whatever its class, prints no escape sequence that came with a name', () => {
    const name = '\u001b[2J.png'
    expect(printed(new InputError('PL-PICTURE-MISSING', 'is not there', name))).toMatch(/^\\x1b\[2J\.png: /)
    let text = ''
    report(new Error(`ENOENT, open '${name}'`), (more) => {
      text += more
    })
    expect(text).toContain('\\x1b[2J.png')
    expect(text).not.toContain('\u001b')
  })
})
