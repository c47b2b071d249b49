import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { importsOf, sourcesBelow } from './support/imports.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')

/** The files of a walk: the numbered list below that heading. */
function walk(heading: string, text = page): string[] {
  const [, section = ''] = text.split(`\n## ${heading}\n`)
  const [list = ''] = section.split('\n## ')
  return [...list.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, file = '']) => file)
}

const importedBy = (file: string): string[] =>
  importsOf(file, readFileSync(join(root, file), 'utf8')).map(({ target }) => target)

/** What a file imports, and what the `index.ts` of a folder hands it on from there. */
const targetsOf = (file: string): string[] =>
  importedBy(file).flatMap((target) => (target.endsWith('/index.ts') ? [target, ...importedBy(target)] : [target]))

/** What hands parts to one another: a file that wiring imports may be handed to another one. */
const handed = new Set(
  sourcesBelow(join(root, 'src/daemon/wiring')).flatMap((file) => targetsOf(file.slice(root.length)))
)

/** Files of a walk that neither another one of it imports nor the wiring hands over. */
function strays(files: readonly string[]): string[] {
  const imported = new Set(files.flatMap((file) => targetsOf(file).filter((target) => target !== file)))
  return files.filter((file) => !imported.has(file) && !handed.has(file) && !file.startsWith('src/commands/'))
}

const walks = [
  ['A frame to the broker', 30],
  ['A crop to its explanation', 15],
  ['A config value to the state machine', 8]
] as const

describe.each(walks)('the walk of docs/architecture.md: %s', (heading, most) => {
  const files = walk(heading)

  it(`has at most ${most} files, each of them once`, () => {
    expect(files.length).toBeGreaterThan(5)
    expect(files.length).toBeLessThanOrEqual(most)
    expect(new Set(files).size).toBe(files.length)
  })

  it('names files that are there', () => {
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([])
  })

  it('names files that another one of the walk imports, or that the wiring hands over', () => {
    expect(strays(files)).toEqual([])
  })
})

describe('a walk', () => {
  it('with a planted file that has no part in it is found out', () => {
    expect(strays([...walk('A frame to the broker'), 'src/lib/vgg/spec.ts'])).toEqual(['src/lib/vgg/spec.ts'])
  })

  it('is read from its own section only', () => {
    expect(walk('B', '\n## A\n1. `x.ts`\n\n## B\n1. `y.ts` text\n2. `z.ts`\n\n## C\n1. `a.ts`\n')).toEqual([
      'y.ts',
      'z.ts'
    ])
  })
})
