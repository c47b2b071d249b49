/** Where a process of Node.js has its memory in RAM, by kind, as Linux tells in /proc/PID/smaps. */
import { readdirSync, readFileSync } from 'node:fs'

/** A mapping of a process's address space. */
interface Mapping {
  start: number
  bytes: number
  permissions: string
  /** A file's path, `[heap]` and the like, or empty. */
  name: string
}

const megabyte = 2 ** 20
/** glibc's arenas, but for the main one, begin at multiples of their largest size. */
const arenaBytes = 64 * megabyte
/** V8's pages begin at multiples of theirs. */
const pageBytes = 256 * 1024
const leastLarge = 512 * 1024

/** The first that is true names a mapping's kind. */
const kinds: readonly { kind: string; is: (mapping: Mapping) => boolean }[] = [
  { kind: "glibc's main heap", is: ({ name }) => name === '[heap]' },
  { kind: 'files and programs', is: ({ name }) => name !== '' },
  { kind: "glibc's other arenas", is: ({ start }) => start % arenaBytes === 0 },
  { kind: 'compiled JavaScript', is: ({ permissions }) => permissions.includes('x') },
  { kind: "V8's pages", is: ({ start }) => start % pageBytes === 0 },
  { kind: 'large blocks', is: ({ bytes }) => bytes >= leastLarge },
  { kind: 'small blocks', is: () => true }
]

/** @returns MB in RAM by kind */
export const memoryMapOf = (pid: number): Record<string, number> =>
  memoryByKind(readFileSync(`/proc/${pid}/smaps`, 'utf8'))

/**
 * @param smaps the text of /proc/PID/smaps
 * @returns MB in RAM by kind; a kind that takes none is 0
 */
export function memoryByKind(smaps: string): Record<string, number> {
  const sums = Object.fromEntries(kinds.map(({ kind }) => [kind, 0]))
  let kind = ''
  for (const line of smaps.split('\n')) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+ *(.*)$/.exec(line)
    if (head) {
      const start = Number.parseInt(head[1]!, 16)
      const bytes = Number.parseInt(head[2]!, 16) - start
      const mapping = { start, bytes, permissions: head[3]!, name: head[4]! }
      kind = kinds.find(({ is }) => is(mapping))!.kind
    }
    const resident = /^Rss:\s+(\d+) kB$/.exec(line)
    if (resident) sums[kind]! += Number(resident[1]) / 1024
  }
  return sums
}

/** How many threads a process has of each name. */
export function threadsOf(pid: number): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const name = nameOf(`/proc/${pid}/task/${task}`)
    if (name !== null) counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

/** Null for a thread that has ended meanwhile. */
function nameOf(task: string): string | null {
  try {
    return readFileSync(`${task}/comm`, 'utf8').trim()
  } catch {
    return null
  }
}
