import { describe, expect, it } from 'vitest'
import { lineWriter } from '../../src/core/standard-streams.js'

/** A stream that fails while `full`, and answers on the next turn, as standard error does. */
function disk() {
  const state = { full: false, lines: [] as string[] }
  const write = (line: string, done: (error?: Error | null) => void): void => {
    if (!state.full) state.lines.push(line)
    const error = state.full ? new Error('ENOSPC') : null
    process.nextTick(() => done(error))
  }
  return { state, write }
}

const settled = () => new Promise((done) => setImmediate(done))

describe('a log that cannot be written', () => {
  it('a log that cannot be written drops lines, and reports their number after the next line that can be written', async () => {
    const { state, write } = disk()
    const put = lineWriter({ write })
    put('a\n')
    await settled()
    state.full = true
    for (const line of ['b\n', 'c\n', 'd\n']) put(line)
    await settled()
    state.full = false
    put('e\n')
    await settled()
    put('f\n')
    await settled()
    expect([state.lines[0], state.lines[1], state.lines[3]]).toEqual(['a\n', 'e\n', 'f\n'])
    expect(JSON.parse(state.lines[2]!)).toMatchObject({ level: 'warn', lines: 3 })
    expect(state.lines).toHaveLength(4)
  })

  it('lost lines keep being counted when the line with their number is lost, too', async () => {
    const { state, write } = disk()
    let fails = [true, true, false, true, false, false]
    const put = lineWriter({
      write: (line, done) => {
        state.full = fails[0] ?? false
        fails = fails.slice(1)
        write(line, done)
      }
    })
    for (let i = 0; i < 4; i++) {
      put(`${i}\n`)
      await settled()
    }
    expect(state.lines.slice(0, 2)).toEqual(['2\n', '3\n'])
    expect(JSON.parse(state.lines[2]!)).toMatchObject({ lines: 2 })
  })
})
