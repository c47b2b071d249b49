import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { sourcesBelow } from './support/imports.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Casts that take any type for any other, unless a comment on the line or above its statement says why that is right. */
function bareCasts(file: string, text: string): string[] {
  const lines = text.split('\n')
  return lines.flatMap((line, i) => {
    const code = line.replace(/\/\/.*/, '').replace(/^\s*\*.*/, '')
    if (!/\bas (never|any|unknown as)\b/.test(code)) return []
    // A group of lines that begins with a comment shares it.
    let above = i
    while (above > 0 && i - above < 6 && !lines[above]!.trim().startsWith('//') && lines[above]!.trim() !== '') above--
    return line.includes('//') || lines[above]!.trim().startsWith('//') ? [] : [`${file}:${i + 1}: ${line.trim()}`]
  })
}

it('no cast takes any type for any other without its reason beside it', () => {
  const files = ['src', 'tools'].flatMap((folder) => sourcesBelow(join(root, folder)))
  expect(files.flatMap((file) => bareCasts(relative(root, file), readFileSync(file, 'utf8')))).toEqual([])
})

it('a cast without a reason is found, one with a reason is not', () => {
  expect(bareCasts('a.ts', 'const a = b as never\n')).toEqual(['a.ts:1: const a = b as never'])
  expect(bareCasts('a.ts', '// Why.\n\nconst a = b as unknown as C')).toHaveLength(1)
  expect(bareCasts('a.ts', 'const a = b as never // why\n// Why.\nconst c = d as unknown as E')).toEqual([])
})
