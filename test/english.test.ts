import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { sourcesBelow } from './support/imports.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Subjects that hide what happens, and phrases that do; CONTRIBUTING.md has the rule. */
const vague =
  /\b(?:nobody|somebody|whoever|whom|who looks|none that|what is no(?! longer)|told of|takes nothing (?:from|but)|does no harm)\b/i

interface Allowed {
  /** A file, or a folder with everything below it. */
  path: string
  /** Part of the comment or title; anything unless given. */
  text?: string
  reason: string
}

/** The only places where these words may stand. */
const allowed: readonly Allowed[] = []

interface Prose {
  line: number
  text: string
}

/** Comments, docstrings, titles of tests and the descriptions that `each` puts into titles, of one TypeScript file. */
function proseIn(file: string, text: string): Prose[] {
  const found = text.split('\n').flatMap((line, i): Prose[] => {
    const comment = /^\s*(?:\/\*|\*|\/\/)(.*)|(?:^|\s)\/\/ (.*)$/.exec(line)
    return comment ? [{ line: i + 1, text: (comment[1] ?? comment[2])!.trim() }] : []
  })
  if (!file.startsWith('test/')) return found
  // A title is a string before the options or the function of a test; a description is the first string of a row.
  const title = /\(\s*(['"`])((?:\\.|(?!\1)[^\\\n])*)\1,\s*(?:\{|async\b|function\b|\()/g
  const description = /\[\s*(['"`])((?:\\.|(?!\1)[^\\\n])* (?:\\.|(?!\1)[^\\\n])*)\1,/g
  const strings = [title, description].flatMap((pattern) => [...text.matchAll(pattern)])
  return [
    ...found,
    ...strings.map((match) => ({ line: text.slice(0, match.index).split('\n').length, text: match[2]! }))
  ]
}

const isBelow = (file: string, path: string): boolean => file === path || file.startsWith(`${path}/`)

function vagueIn(file: string, text: string, exceptions: readonly Allowed[] = allowed): string[] {
  return proseIn(file, text)
    .filter((prose) => vague.test(prose.text))
    .filter((prose) => !exceptions.some(({ path, text }) => isBelow(file, path) && prose.text.includes(text ?? '')))
    .map((prose) => `${file}:${prose.line}: ${prose.text}`)
}

describe('the English of comments, docstrings and test titles', () => {
  const files = ['src', 'test', 'tools'].flatMap((folder) => sourcesBelow(join(root, folder)))
  const sources = files.map((file) => [relative(root, file), readFileSync(file, 'utf8')] as const)

  it('names what happens instead of hiding it behind a vague subject', () => {
    expect(sources.length).toBeGreaterThan(500)
    const found = sources.flatMap(([file, text]) => vagueIn(file, text))
    expect(found, 'Say what happens: "Failures are reported through `onProblem`."').toEqual([])
  })

  it('needs every row of the table of exceptions', () => {
    const needless = allowed.filter((row) => {
      const others = allowed.filter((other) => other !== row)
      return sources.every(([file, text]) => vagueIn(file, text, others).length === vagueIn(file, text).length)
    })
    expect(needless).toEqual([])
  })

  const word = 'no' + 'body'
  it.each([
    ['a line comment', `const a = 1\n// For ${word} to see.\n`, 2],
    ['a comment behind code', `const a = 1 // for ${word} to see\n`, 1],
    ['a docstring', `/**\n * For\n * ${word}.\n */\n`, 3],
    ['a title', `it('is for ${word}', () => {})\n`, 1],
    ['a title with a quote', `test("isn't for ${word}", { retry: 1 }, async () => {})\n`, 1],
    ['the title of a group', `describe.skipIf(a)(\`of ${word}\`, () => {})\n`, 1],
    ['the title of a table', `it.each([\n  [1, 2]\n])('%s is for ${word}', (a, b) => {})\n`, 3],
    ['a row of a table', `it.each([\n  ['for ${word} at all', 2]\n])('says %s', (a, b) => {})\n`, 2]
  ])('is checked in %s', (_, text, line) => {
    expect(vagueIn('test/a.test.ts', text)).toEqual([
      expect.stringMatching(new RegExp(`^test/a.test.ts:${line}: .*${word}`))
    ])
  })

  it.each([
    ['code', `const ${word} = 65534\n`],
    ['data', `expect(user).toBe('${word}')\n`],
    ['a message', `log.warn({}, 'for ${word} to see')\n`]
  ])('is not checked in %s', (_, text) => {
    expect(vagueIn('test/a.test.ts', text)).toEqual([])
  })

  it('may be vague only where the table allows it', () => {
    const text = `// For ${word}.\n// Of ${word}.\n`
    const exceptions = [{ path: 'src/a', text: 'For', reason: 'a test' }]
    expect(vagueIn('src/a/b.ts', text, exceptions)).toEqual([`src/a/b.ts:2: Of ${word}.`])
    expect(vagueIn('src/ab.ts', text, exceptions)).toHaveLength(2)
  })
})
