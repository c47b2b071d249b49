import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { memoryByKind, memoryMapOf, threadsOf } from '../../../tools/soak/memory-map.js'

/** One mapping of each kind, of a painlens that had run for some minutes, each with the first lines that Linux writes of it. */
const smaps = [
  ['00b72000-025fe000 r-xp 00772000 fe:00 1178 /usr/bin/node', 20_480],
  ['2af89000-2dbe0000 rw-p 00000000 00:00 0 [heap]', 45_056],
  ['3fdb6f200000-3fdb6f240000 rw-p 00000000 00:00 0 ', 256],
  ['3fdb6f240000-3fdb6f280000 rw-p 00000000 00:00 0 ', 128],
  ['7fd7d8383000-7fd7d83bf000 rwxp 00000000 00:00 0 ', 164],
  ['7fd7f8000000-7fd7fb23c000 rw-p 00000000 00:00 0 ', 41_052],
  ['7fd7a0001000-7fd7a1c01000 rw-p 00000000 00:00 0 ', 28_672],
  ['7fd792881000-7fd792883000 rw-p 00000000 00:00 0 ', 8]
].map(([head, resident]) => `${head}\nSize:   1 kB\nRss:    ${resident} kB\nPss:    9 kB\nVmFlags: rd wr\n`)

describe('where memory in RAM is', () => {
  it('is told by kind', () => {
    expect(memoryByKind(smaps.join(''))).toEqual({
      "glibc's main heap": 44,
      'files and programs': 20,
      "glibc's other arenas": 41_052 / 1024,
      'compiled JavaScript': 164 / 1024,
      "V8's pages": 384 / 1024,
      'large blocks': 28,
      'small blocks': 8 / 1024
    })
  })

  it('adds up to the memory in RAM of the process', () => {
    const sum = Object.values(memoryMapOf(process.pid)).reduce((a, b) => a + b, 0)
    const status = /^VmRSS:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))
    expect(sum / (Number(status?.[1]) / 1024)).toBeGreaterThan(0.9)
    expect(sum / (Number(status?.[1]) / 1024)).toBeLessThan(1.1)
  })

  it('threads are counted by name', () => {
    const counts = threadsOf(process.pid)
    expect(Object.values(counts).reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(5)
  })
})
