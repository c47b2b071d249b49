/**
 * Commands in this process, by the words of the command line. What belongs to a process of painlens, its signals and its streams, is left
 * to the tests that start one.
 */
import { Readable } from 'node:stream'
import { CommanderError } from 'commander'
import { vi } from 'vitest'
import { createProgram } from '../../src/commands/program.js'
import { report } from '../../src/commands/report.js'

export interface Ended {
  status: number
  stdout: string
  stderr: string
}

/**
 * @param words without `painlens`
 * @param input what standard input gives, as a pipe
 * @param cwd   the working folder; a unit test, which runs in a thread, cannot have another one
 */
export async function painlens(words: readonly string[], { input = '', cwd = process.cwd() } = {}): Promise<Ended> {
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    vi.spyOn(process[stream], 'write').mockImplementation((text: unknown, ...done: unknown[]) => {
      said[stream] += String(text)
      for (const call of done) if (typeof call === 'function') call()
      return true
    })
  vi.spyOn(process, 'stdin', 'get').mockReturnValue(Readable.from(input ? [input] : []) as typeof process.stdin)
  const before = process.cwd()
  if (cwd !== before) process.chdir(cwd)
  try {
    return { status: await statusOf(words), ...said }
  } finally {
    if (cwd !== before) process.chdir(before)
    vi.restoreAllMocks()
  }
}

async function statusOf(words: readonly string[]): Promise<number> {
  let status = 0
  const program = createProgram(async (call) => {
    status = await call(new AbortController().signal).catch((error: unknown) => report(error))
  })
  try {
    await program.parseAsync(words, { from: 'user' })
    return status
  } catch (error) {
    return error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : report(error)
  }
}
