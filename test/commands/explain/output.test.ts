import { describe, expect, it } from 'vitest'
import { progressBar, terminalOutput } from '../../../src/commands/explain/output.js'

function streams(isTTY: boolean) {
  const written: string[] = []
  const stream = (name: string) => ({ isTTY, columns: 60, write: (text: string) => void written.push(name + text) })
  return { written, output: terminalOutput(stream('out:'), stream('err:')) }
}

describe('the output of painlens explain', () => {
  it('is plain lines without a terminal', () => {
    const { written, output } = streams(false)
    output.progress('working')
    output.write('a line\n')
    output.progress('working still')
    output.complain('trouble\n')
    output.progress(null)
    expect(written).toEqual(['out:a line\n', 'err:trouble\n'])
  })

  it('has the progress line below the other lines on a terminal, and removes it at the end', () => {
    const { written, output } = streams(true)
    output.progress('working')
    output.write('a line\n')
    output.progress('done')
    output.progress(null)
    const clear = '\r\u001b[2K'
    expect(written).toEqual([
      'err:working',
      `err:${clear}`,
      'out:a line\n',
      'err:working',
      `err:${clear}done`,
      `err:${clear}`
    ])
  })

  it('cuts the progress line to the width of the terminal', () => {
    const { written, output } = streams(true)
    output.progress('x'.repeat(200))
    expect(written).toEqual([`err:${'x'.repeat(59)}`])
  })
})

describe('the progress line', () => {
  it('has the progress, the rate and the remaining time', () => {
    expect(progressBar('lrp.z', 0, 40, 0)).toBe(`lrp.z  0 of 40  ${'░'.repeat(16)}`)
    expect(progressBar('lrp.z', 10, 40, 5000)).toBe(
      `lrp.z  10 of 40 · 2.0/s · 15 s left  ${'█'.repeat(4)}${'░'.repeat(12)}`
    )
    expect(progressBar('lrp.z', 2, 40, 10_000)).toContain('2 of 40 · 5.0 s each · 3 min 10 s left')
  })
})
