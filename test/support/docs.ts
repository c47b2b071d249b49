/** What can be wrong with the repository's Markdown: links, anchors, paths, pages that cannot be reached. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import GithubSlugger from 'github-slugger'
import { marked, type Token } from 'marked'

/** Files by their path from the top of the repository, and their text. */
export interface Repository {
  files: ReadonlySet<string>
  read(file: string): string
}

/** What is made when painlens is built, installed or used; a page may name it although the repository does not have it. */
const made = ['dist', 'tools/dist', 'models/face', 'models/cache', 'node_modules']
const unread = new Set(['.git', 'node_modules', 'dist', 'data', ...made])

const pathLike = /^(?:\.ci|config|deploy|docs|models|scripts|src|test|tools)(?:\/[\w.*-]+)+\/?$/
const pageInSource = /(?<![\w/])docs\/[\w/-]+\.(?:md|yaml|png)(?:#[\w-]+)?/g
const source = /\.(ts|mjs|sh|yaml|json|service|conf)$|Dockerfile[^/]*$/

export function readRepository(root: string): Repository {
  const files = new Set<string>()
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name)
      if (unread.has(entry.name) || unread.has(path)) continue
      if (entry.isDirectory()) walk(path)
      else files.add(path)
    }
  }
  walk('')
  return { files, read: (file) => readFileSync(join(root, file), 'utf8') }
}

const pagesOf = ({ files }: Repository): string[] => [...files].filter((file) => file.endsWith('.md')).sort()
const isPageOfDocs = (file: string): boolean => file.startsWith('docs/') && file.endsWith('.md')

/** All tokens of a page, those within others too. */
function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  void marked.walkTokens(marked.lexer(text), (token) => {
    tokens.push(token)
  })
  return tokens
}

/** The links and pictures of a page that lead to this repository, as written. */
function linksOf(text: string): string[] {
  const links = tokensOf(text).filter(({ type }) => type === 'link' || type === 'image')
  return links.map((link) => (link as { href: string }).href).filter((href) => !/^[a-z]+:/.test(href))
}

/** The fragments that GitHub gives the headings of a page. */
export function anchorsOf(text: string): Set<string> {
  const slugger = new GithubSlugger()
  const headings = tokensOf(text).filter(({ type }) => type === 'heading') as { tokens: Token[] }[]
  return new Set(headings.map(({ tokens }) => slugger.slug(plainText(tokens))))
}

const plainText = (tokens: readonly Token[]): string =>
  tokens.map((token) => ('tokens' in token && token.tokens ? plainText(token.tokens) : rawText(token))).join('')
const rawText = (token: Token): string => ('text' in token ? (token.text as string) : token.raw)

const targetOf = (page: string, href: string): { file: string; anchor: string } => {
  const [path = '', anchor = ''] = href.split('#')
  return { file: path === '' ? page : posix.join(posix.dirname(page), decodeURI(path)), anchor }
}

const exists = ({ files }: Repository, path: string): boolean => {
  const clean = path.replace(/\/$/, '')
  return files.has(clean) || [...files].some((file) => file.startsWith(`${clean}/`))
}

/** Relative links whose file or heading is missing: `page: link`. */
export function brokenLinks(repository: Repository): string[] {
  return pagesOf(repository).flatMap((page) =>
    linksOf(repository.read(page))
      .filter((href) => !leads(repository, targetOf(page, href)))
      .map((href) => `${page}: ${href}`)
  )
}

function leads(repository: Repository, { file, anchor }: { file: string; anchor: string }): boolean {
  if (!exists(repository, file)) return false
  return anchor === '' || (file.endsWith('.md') && anchorsOf(repository.read(file)).has(anchor))
}

/** Paths in backticks that begin with a folder of this repository and are not there: `page: path`. */
export function missingPaths(repository: Repository): string[] {
  return pagesOf(repository).flatMap((page) => {
    const code = tokensOf(repository.read(page)).filter(({ type }) => type === 'codespan') as { text: string }[]
    const paths = code.map(({ text }) => text).filter((text) => pathLike.test(text))
    return paths.filter((path) => !isMade(path) && !matches(repository, path)).map((path) => `${page}: ${path}`)
  })
}

const isMade = (path: string): boolean => made.some((folder) => `${path}/`.startsWith(`${folder}/`))

function matches(repository: Repository, path: string): boolean {
  if (!path.includes('*')) return exists(repository, path)
  const pattern = path.replace(/[.]/g, '\\.').replace(/\*/g, '[^/]*')
  return [...repository.files].some((file) => new RegExp(`^${pattern}(/|$)`).test(file))
}

/** Pages, with or without heading, that comments and messages in code name and that are not there: `file: page`. */
export function missingPagesInSources(repository: Repository, apart: readonly string[]): string[] {
  const sources = [...repository.files].filter((file) => source.test(file) && !apart.includes(file))
  return sources.flatMap((file) => {
    const named = [...repository.read(file).matchAll(pageInSource)].map(([page]) => page)
    return named.filter((page) => !leads(repository, targetOf('README.md', page))).map((page) => `${file}: ${page}`)
  })
}

/** Pages of docs that no chain of links from docs/README.md leads to. */
export function unreachablePages(repository: Repository): string[] {
  const reached = new Set(['docs/README.md'])
  for (const page of reached)
    for (const href of linksOf(repository.read(page))) {
      const { file } = targetOf(page, href)
      if (isPageOfDocs(file) && repository.files.has(file)) reached.add(file)
    }
  return pagesOf(repository).filter((page) => isPageOfDocs(page) && !reached.has(page))
}

/** Pages of docs whose first paragraph does not begin with "For …", the reader that the page is for. */
export function pagesWithoutReader(repository: Repository): string[] {
  return pagesOf(repository).filter((page) => {
    if (!isPageOfDocs(page)) return false
    const blocks = marked.lexer(repository.read(page)).filter(({ type }) => type !== 'space')
    const [title, opening] = blocks
    return title?.type !== 'heading' || opening?.type !== 'paragraph' || !/^For \w/.test(opening.raw)
  })
}

/** A line of shell in a page: in a code block, or a whole code span. */
export function shellLines(repository: Repository): { page: string; line: string }[] {
  return pagesOf(repository).flatMap((page) => {
    const code = tokensOf(repository.read(page)).filter(({ type }) => type === 'code' || type === 'codespan')
    const lines = code.flatMap((token) => (token as { text: string }).text.split('\n'))
    return lines.map((line) => ({ page, line: line.replace(/\s#.*/, '').trim() }))
  })
}

/** The cells of the first table below a heading, without the head. */
export function tableBelow(text: string, heading: string): string[][] {
  const from = text.indexOf(`\n## ${heading}\n`)
  if (from < 0) throw new Error(`there is no heading "${heading}"`)
  const tables = marked.lexer(text.slice(from)).filter(({ type }) => type === 'table') as {
    rows: { text: string }[][]
  }[]
  return (tables[0]?.rows ?? []).map((row) => row.map((cell) => cell.text))
}
