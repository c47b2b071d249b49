import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { commandTable } from '../src/commands/table.js'
import { packageRoot } from '../src/core/version.js'
import { quickTests } from '../tools/planted/plants.js'
import {
  brokenLinks,
  missingPagesInSources,
  missingPaths,
  pagesWithoutReader,
  type Repository,
  readRepository,
  shellLines,
  tableBelow,
  unreachablePages
} from './support/docs.js'

const repository = readRepository(packageRoot)
const manifest = JSON.parse(repository.read('package.json')) as {
  scripts: Record<string, string>
  dependencies: Record<string, string>
  optionalDependencies: Record<string, string>
}

/** A repository of these texts, by path. */
function planted(texts: Record<string, string>): Repository {
  return { files: new Set(Object.keys(texts)), read: (file) => texts[file]! }
}

describe('the Markdown of the repository', () => {
  it('every relative link and anchor in every page leads somewhere', () => {
    expect(brokenLinks(repository)).toEqual([])
  })

  it('every path of this repository that a page names in backticks exists', () => {
    expect(missingPaths(repository)).toEqual([])
  })

  it('every page that code, scripts and configs name exists', () => {
    // It plants missing pages.
    const apart = ['test/docs.test.ts']
    expect(missingPagesInSources(repository, apart)).toEqual([])
  })

  it('every page of docs can be reached from docs/README.md', () => {
    expect(unreachablePages(repository)).toEqual([])
  })

  it('every page of docs says in its first line who it is for', () => {
    expect(pagesWithoutReader(repository)).toEqual([])
  })
})

describe('the commands that the pages name', () => {
  const lines = shellLines(repository)
  const matchesOf = (pattern: RegExp) =>
    lines.flatMap(({ page, line }) => [...line.matchAll(pattern)].map((match) => ({ page, match })))

  it('every npm script exists', () => {
    const named = matchesOf(/\bnpm run ([\w:-]+)/g).map(({ match }) => match[1]!)
    expect(named).toContain('bench')
    expect([...new Set(named)].filter((name) => !manifest.scripts[name])).toEqual([])
  })

  it('every bench exists', () => {
    const { stdout, status } = spawnSync(process.execPath, ['tools/dist/bench/main.js', 'no-such-bench'], {
      cwd: packageRoot,
      encoding: 'utf8'
    })
    expect(status).toBe(2)
    const known = new Set(/\[NAME\]…: (.*)/.exec(stdout)![1]!.split(', '))
    const named = matchesOf(/\bnpm run bench -- ((?:(?!--)[\w-]+ ?)+)/g).flatMap(({ match }) =>
      match[1]!.trim().split(' ')
    )
    expect(named).toContain('explanations')
    expect([...new Set(named)].filter((name) => !/^-|\./.test(name) && !known.has(name))).toEqual([])
  })

  it('every compiled program has its source', () => {
    const named = matchesOf(/\bnode ((?:tools\/)?dist\/[\w/-]+)\.js/g).map(({ match }) => match[1]!)
    expect(named).toContain('tools/dist/bench/faces')
    const sourceOf = (path: string): string => `${path.replace(/^tools\/dist/, 'tools').replace(/^dist/, 'src')}.ts`
    expect(named.map(sourceOf).filter((file) => !repository.files.has(file))).toEqual([])
  })

  it('every painlens command exists and has the options that are given to it', () => {
    const unknown = lines.flatMap(({ page, line }) => wrongUsage(line).map((problem) => `${page}: ${problem}`))
    expect(unknown).toEqual([])
    expect(wrongUsage('sudo painlens check --colour')).toEqual(['painlens check has no --colour'])
    expect(wrongUsage('painlens dance')).toEqual(['there is no painlens dance'])
  })
})

/** What is wrong with a line that calls painlens; lines that do not are right. */
function wrongUsage(line: string): string[] {
  const words = /^(?:sudo (?:-u painlens )?|docker compose (?:exec|run --rm) painlens )?painlens ((?:[\w-].*)?)$/.exec(
    line
  )?.[1]
  if (!words) return []
  const [first = '', second = ''] = words.split(/\s+/)
  if (first.startsWith('-')) return []
  const named = (name: string, parent?: string) =>
    commandTable.find((row) => row.usage.split(' ')[0] === name && row.parent === parent)
  const command = named(second, first) ?? named(first)
  if (!command) return [`there is no painlens ${first}`]
  const flags = (command.options ?? []).flatMap(([text]) => text.match(/--?[\w-]+/g) ?? [])
  const given = words.match(/(?<=\s)--?[a-z][\w-]*/g) ?? []
  return given
    .filter((flag) => flag !== '--help' && !flags.includes(flag))
    .map((flag) => `painlens ${first} has no ${flag}`)
}

describe('docs/develop/changes.md', () => {
  it('its quick tests are those that the planted changes are tried with', () => {
    const page = repository.read('docs/develop/changes.md')
    expect(page).toContain(`\`npx vitest run ${quickTests.join(' ')}\``)
  })
})

describe('docs/develop/dependencies.md', () => {
  const page = repository.read('docs/develop/dependencies.md')
  const rows = tableBelow(page, 'Production dependencies')
  const nameOf = ([cell]: string[]): string => cell!.replaceAll('`', '')

  it('its table names exactly the production dependencies of package.json', () => {
    expect(rows.map(nameOf).sort()).toEqual(Object.keys(manifest.dependencies).sort())
  })

  it('its optional dependencies are those of package.json', () => {
    const optional = tableBelow(page.replace('\nOptional,', '\n## Optional\n\n'), 'Optional')
    expect(optional.map(nameOf).sort()).toEqual(Object.keys(manifest.optionalDependencies).sort())
  })

  it('each licence is the one that the installed package names', () => {
    for (const row of rows) {
      const file = join(packageRoot, 'node_modules', nameOf(row), 'package.json')
      expect(existsSync(file), nameOf(row)).toBe(true)
      const { license, licenses } = JSON.parse(readFileSync(file, 'utf8')) as {
        license?: string
        licenses?: [{ type: string }]
      }
      expect(row[3]!.split(';')[0], nameOf(row)).toBe(license ?? licenses?.[0].type)
    }
  })

  it('it says why each package of the design is used or not', () => {
    const [, section = ''] = page.split('## Packages of the design that are not used as named\n')
    const asNamed = /`[^`]+`(?:, `[^`]+`)* and `[^`]+` are used as named\./.exec(section)?.[0] ?? ''
    const reasons = [...section.matchAll(/^\*\*`([^`]+)` [^*]+\*\* \S/gm)].map(([, name]) => name)
    for (const name of [
      'onnxruntime-node',
      '@tensorflow/tfjs-node',
      'node-rtsp-stream',
      'sharp',
      'mqtt',
      'rxjs',
      'systemd-notify'
    ])
      expect(reasons.includes(name) !== asNamed.includes(`\`${name}\``), name).toBe(true)
  })
})

describe('what the checks of the Markdown find', () => {
  it('a link to a missing file, a missing heading and a path outside of the repository', () => {
    const text =
      '# A\n\n[gone](gone.md), [no heading](a.md#no), [out](../../x.md), [fine](a.md#b-c), [folder](../docs), [web](https://x.example/y.md)\n\n## `B` *c*\n'
    expect(brokenLinks(planted({ 'docs/a.md': text }))).toEqual([
      'docs/a.md: gone.md',
      'docs/a.md: a.md#no',
      'docs/a.md: ../../x.md'
    ])
  })

  it('a link in a table and a picture, but not what stands in a code block', () => {
    const text = '# A\n\n| a |\n|---|\n| [x](x.md) |\n\n![y](y.png)\n\n    [z](z.md)\n'
    expect(brokenLinks(planted({ 'a.md': text }))).toEqual(['a.md: x.md', 'a.md: y.png'])
  })

  it('a path in backticks that is missing, also one with a star', () => {
    const text = 'For: `src/a.ts`, `src/gone.ts`, `src/*.ts`, `src/*.js`, `models/cache`, `base/alarm`, `src`\n'
    expect(missingPaths(planted({ 'a.md': text, 'src/a.ts': '' }))).toEqual(['a.md: src/gone.ts', 'a.md: src/*.js'])
  })

  it('a missing page or heading in a comment', () => {
    const sources = { 'src/a.ts': '// docs/b.md#no-such-heading, docs/c.md, docs/b.md#b', 'docs/b.md': '# B\n' }
    expect(missingPagesInSources(planted(sources), [])).toEqual([
      'src/a.ts: docs/b.md#no-such-heading',
      'src/a.ts: docs/c.md'
    ])
  })

  it('a page that only a page linked from nowhere leads to', () => {
    const pages = {
      'docs/README.md': '[a](x/a.md)',
      'docs/x/a.md': '[b](b.md)',
      'docs/x/b.md': '',
      'docs/c.md': '[d](d.md)',
      'docs/d.md': ''
    }
    expect(unreachablePages(planted(pages))).toEqual(['docs/c.md', 'docs/d.md'])
  })

  it('a page that does not begin with its reader', () => {
    const pages = {
      'docs/a.md': '# A\n\nFor technicians.\n',
      'docs/b.md': '# B\n\nThis page.\n',
      'docs/c.md': 'For all.\n'
    }
    expect(pagesWithoutReader(planted(pages))).toEqual(['docs/b.md', 'docs/c.md'])
  })
})
