import { open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** The log is a folder of a few files, the newest first: alarms.jsonl, alarms.1.jsonl, alarms.2.jsonl, … */
const pattern = /^alarms(?:\.(\d{1,4}))?\.jsonl$/

export function fileName(folder: string, age: number): string {
  return join(folder, age === 0 ? 'alarms.jsonl' : `alarms.${age}.jsonl`)
}

/** The ages of the files there are, newest (0) first. @throws what readdir throws, such as ENOENT */
export async function agesIn(folder: string): Promise<number[]> {
  const ages = (await readdir(folder)).flatMap((name) => {
    const match = pattern.exec(name)
    return match ? [Number(match[1] ?? 0)] : []
  })
  return ages.sort((a, b) => a - b)
}

/** Makes room for a new file 0: each file becomes one older, and what is beyond `keep` files goes. */
export async function rotate(folder: string, keep: number): Promise<void> {
  for (const age of (await agesIn(folder)).reverse()) {
    if (age >= keep - 1) await rm(fileName(folder, age), { force: true })
    else await rename(fileName(folder, age), fileName(folder, age + 1))
  }
}

const newline = 0x0a
const chunk = 64 * 1024

/**
 * Cuts off what a killed process left of a line that it was writing.
 * @returns the bytes of whole lines, and how many were cut off
 */
export async function repair(path: string): Promise<{ size: number; cut: number }> {
  const file = await open(path, 'a+', 0o600)
  try {
    const { size } = await file.stat()
    const whole = await endOfLastLine(file, size)
    if (whole < size) await file.truncate(whole)
    return { size: whole, cut: size - whole }
  } finally {
    await file.close()
  }
}

async function endOfLastLine(file: Awaited<ReturnType<typeof open>>, size: number): Promise<number> {
  const buffer = Buffer.alloc(chunk)
  for (let end = size; end > 0; end -= chunk) {
    const start = Math.max(0, end - chunk)
    const { bytesRead } = await file.read(buffer, 0, end - start, start)
    const last = buffer.subarray(0, bytesRead).lastIndexOf(newline)
    if (last >= 0) return start + last + 1
  }
  return 0
}
