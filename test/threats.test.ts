import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../src/core/version.js'

/** A test that the page names: its file, and its title where it has one. */
interface Named {
  file: string
  title: string | null
}

/** `test/x.test.ts`: "one title", "another"; a file without a title stands for all of it. */
function namedTests(page: string): Named[] {
  const found = [...page.matchAll(/`(test\/[^`]*\.test\.ts)`(?::((?: ?"[^"\n]*",?)*))?/g)]
  return found.flatMap(([, file, titles]): Named[] => {
    const all = [...(titles ?? '').matchAll(/"([^"]*)"/g)]
    return all.length > 0 ? all.map(([, title]) => ({ file: file!, title: title! })) : [{ file: file!, title: null }]
  })
}

/** Whether a file of tests has one of that title, in any kind of quotes. */
const holds = (text: string, title: string): boolean =>
  ["'", '"', '`'].some((quote) => text.includes(quote + title + quote))

function missing(named: readonly Named[], read: (file: string) => string | null): string[] {
  return named
    .filter(({ file, title }) => {
      const text = read(file)
      return text === null || (title !== null && !holds(text, title))
    })
    .map(({ file, title }) => `${file}: ${title ?? 'the file'}`)
}

const readHere = (file: string): string | null =>
  existsSync(join(packageRoot, file)) ? readFileSync(join(packageRoot, file), 'utf8') : null
const page = readHere('docs/develop/threats.md')!

describe('docs/develop/threats.md', () => {
  it('names only tests that exist', () => {
    expect(missing(namedTests(page), readHere)).toEqual([])
  })

  it('names a test in each row of its tables', () => {
    const rows = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| tries'))
    expect(rows.length).toBeGreaterThan(20)
    expect(rows.filter((row) => namedTests(row).length === 0)).toEqual([])
  })

  it('says of each way in what is not held', () => {
    const sections = page.split('\n## ').slice(1)
    const silent = sections.filter((text) => text.includes('| tries') && !text.includes('**Not held**'))
    expect(silent.map((text) => text.split('\n')[0])).toEqual([])
  })

  it('would be found to name a test whose file or title is gone', () => {
    const named = namedTests(
      '| a | b | `test/a.test.ts`: "one", "two"; `test/gone.test.ts`: "three"; `test/a.test.ts` |'
    )
    expect(named).toHaveLength(4)
    const read = (file: string): string | null => (file === 'test/a.test.ts' ? "it('one', () => {})" : null)
    expect(missing(named, read)).toEqual(['test/a.test.ts: two', 'test/gone.test.ts: three'])
  })
})
