import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, type stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { readRegular } from '../../../src/lib/picture/regular-file.js'

// As if the file had been a regular one when it was looked at, and a FIFO was put in its place before it was opened.
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const looksRegular: typeof stat = (async (path: string) =>
    path.endsWith('fifo') ? { isFile: () => true } : real.stat(path)) as never
  return { ...real, stat: looksRegular }
})

it('a FIFO that took the place of a regular file is refused, without waiting for a writer', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-fifo-'))
  try {
    const fifo = join(folder, 'fifo')
    execFileSync('mkfifo', [fifo])
    await expect(readRegular(fifo, new AbortController().signal)).rejects.toThrow(/is a FIFO, not a regular file/)
  } finally {
    await rm(folder, { recursive: true })
  }
})
