import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { sourcesBelow } from './support/imports.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Subjects that hide what happens, and phrases that do; CONTRIBUTING.md has the rule. */
const vague =
  /\b(?:nobody|somebody|whoever|whom|who looks|none that|what is no(?! longer)|told of|takes nothing (?:from|but)|does no harm)\b/i

/** In pages and messages: some of those words are plain there. */
const vagueToUsers = /\b(?:nobody|somebody|whoever|who looks|is none (?:of|that)|what is no(?! longer)|told of)\b/i

interface Allowed {
  /** A file, or a folder with everything below it. */
  path: string
  /** Part of the comment, title, message or paragraph; anything unless given. */
  text?: string
  reason: string
}

/** The only places where these words may stand. */
const allowed: readonly Allowed[] = [
  { path: 'CONTRIBUTING.md', text: '("nobody", "whoever")', reason: 'the rule names the words' }
]

interface Prose {
  line: number
  text: string
  /** For users: a page, an example or a message. */
  toUsers?: true
}

const isSource = (file: string): boolean => /\.tsx?$/.test(file)
const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length
/** Names of programs, users and topics are what they are. */
const withoutCode = (text: string): string => text.replace(/`[^`]*`/g, '`…`')

/** The paragraphs of a page, or of what else users read. */
function paragraphsIn(text: string): Prose[] {
  return [...text.matchAll(/.+(?:\n.+)*/g)].map(({ 0: paragraph, index }) => {
    return { line: lineAt(text, index), text: withoutCode(paragraph).replaceAll('\n', ' '), toUsers: true as const }
  })
}

/** Strings of several words in the code of what ships and of the tools. */
function messagesIn(text: string): Prose[] {
  const code = text.replace(/^\s*(?:\/\*|\*|\/\/).*$/gm, '')
  const string = /(['"])((?:\\.|(?!\1)[^\\\n])* (?:\\.|(?!\1)[^\\\n])*)\1|`((?:\\.|[^`\\\n])* (?:\\.|[^`\\\n])*)`/g
  return [...code.matchAll(string)].map(({ 2: plain, 3: template, index }) => {
    const message = plain === undefined ? template! : withoutCode(plain)
    return { line: lineAt(code, index), text: message, toUsers: true as const }
  })
}

/** Comments, docstrings, titles of tests and the descriptions that `each` puts into titles, of one TypeScript file. */
function proseIn(file: string, text: string): Prose[] {
  const found = text.split('\n').flatMap((line, i): Prose[] => {
    const comment = /^\s*(?:\/\*|\*|\/\/)(.*)|(?:^|\s)\/\/ (.*)$/.exec(line)
    return comment ? [{ line: i + 1, text: (comment[1] ?? comment[2])!.trim() }] : []
  })
  if (!file.startsWith('test/')) return [...found, ...messagesIn(text)]
  // A title is a string before the options or the function of a test; a description is the first string of a row.
  const title = /\(\s*(['"`])((?:\\.|(?!\1)[^\\\n])*)\1,\s*(?:\{|async\b|function\b|\()/g
  const description = /\[\s*(['"`])((?:\\.|(?!\1)[^\\\n])* (?:\\.|(?!\1)[^\\\n])*)\1,/g
  const strings = [title, description].flatMap((pattern) => [...text.matchAll(pattern)])
  return [...found, ...strings.map((match) => ({ line: lineAt(text, match.index), text: match[2]! }))]
}

const isBelow = (file: string, path: string): boolean => file === path || file.startsWith(`${path}/`)

function vagueIn(file: string, text: string, exceptions: readonly Allowed[] = allowed): string[] {
  return (isSource(file) ? proseIn(file, text) : paragraphsIn(text))
    .filter((prose) => (prose.toUsers ? vagueToUsers : vague).test(prose.text))
    .filter((prose) => !exceptions.some(({ path, text }) => isBelow(file, path) && prose.text.includes(text ?? '')))
    .map((prose) => `${file}:${prose.line}: ${prose.text}`)
}

/** Pages and examples, with what they are made of. */
const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(?:md|yaml|json|acl)$/.test(file))
  .map((file) => join(root, 'docs', file))
  .concat(['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'config/painlens.yaml'].map((file) => join(root, file)))

describe('the English of comments, docstrings, test titles, messages and pages', () => {
  const files = ['src', 'test', 'tools'].flatMap((folder) => sourcesBelow(join(root, folder)))
  const sources = [...files, ...pages].map((file) => [relative(root, file), readFileSync(file, 'utf8')] as const)

  it('names what happens instead of hiding it behind a vague subject', () => {
    expect(files.length).toBeGreaterThan(500)
    expect(pages.length).toBeGreaterThan(40)
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
    ['a message', 'src/a.ts', `log.warn({}, 'for ${word} to see')\n`, 1],
    ['a message that a value completes', 'tools/a.ts', `const a = 1\nthrow new Error(\`for ${word} at \${a}\`)\n`, 2],
    ['a page', 'a.md', `# A\n\nThis page is\nfor ${word}.\n`, 3],
    ['an example', 'a.yaml', `a: 1\n\n# for ${word}\n`, 3]
  ])('is checked in %s', (_, file, text, line) => {
    expect(vagueIn(file, text)).toEqual([expect.stringMatching(new RegExp(`^${file}:${line}: .*${word}`))])
  })

  it('is checked across the lines of a page', () => {
    expect(vagueIn('a.md', 'The request is\nnone that painlens knows.\n')).toHaveLength(1)
  })

  it.each([
    ['code', 'test/a.test.ts', `const ${word} = 65534\n`],
    ['data', 'test/a.test.ts', `expect(user).toBe('${word}')\n`],
    ['what a test expects', 'test/a.test.ts', `expect(text).toBe('for ${word} to see')\n`],
    ['a name between two strings', 'src/a.ts', `set('an a', ${word}, 'a b')\n`],
    ['code on a page', 'a.md', `It runs as the user \`${word}\`.\n`]
  ])('is not checked in %s', (_, file, text) => {
    expect(vagueIn(file, text)).toEqual([])
  })

  it('may be vague only where the table allows it', () => {
    const text = `// For ${word}.\n// Of ${word}.\n`
    const exceptions = [{ path: 'src/a', text: 'For', reason: 'a test' }]
    expect(vagueIn('src/a/b.ts', text, exceptions)).toEqual([`src/a/b.ts:2: Of ${word}.`])
    expect(vagueIn('src/ab.ts', text, exceptions)).toHaveLength(2)
  })
})
