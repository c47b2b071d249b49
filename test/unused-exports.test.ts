import { readFileSync } from 'node:fs'
import { join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { sourcesBelow } from './support/imports.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What others than painlens import. */
const libraries = ['src/lib/lrp/index.ts', 'src/lib/onnx/index.ts']

const namesIn = (list: string): string[] =>
  list
    .split(',')
    .map((name) => name.trim().replace(/^type /, ''))
    .filter((name) => name !== '')

/** Types apart that a file's other exports are made of. */
function exportsOf(text: string): string[] {
  const isPart = (name: string): boolean =>
    new RegExp(`^export (?:interface|type) ${name}\\b`, 'm').test(text) &&
    text.split(new RegExp(`\\b${name}\\b`)).length > 2
  const declared = /^export (?:declare )?(?:async )?(?:const|let|function\*?|class|interface|type|enum) (\w+)/gm
  const listed = /^export (?:type )?\{([^}]*)\}/gm
  return [
    ...[...text.matchAll(declared)].map(([, name = '']) => name).filter((name) => !isPart(name)),
    ...[...text.matchAll(listed)].flatMap(([, list = '']) => namesIn(list).map((name) => name.replace(/^.* as /, '')))
  ]
}

/** What a file takes from which other one; `*` for all of it. */
function usesOf(file: string, text: string): { target: string; name: string }[] {
  const resolved = (path: string): string =>
    (path.startsWith('#') ? path.replace('#painlens', 'src') : posix.join(posix.dirname(file), path)).replace(
      /\.js$/,
      '.ts'
    )
  const use = (path: string, name: string) => ({ target: resolved(path), name: name.replace(/ as .*$/, '') })
  const path = `'((?:\\.|#painlens/)[^']+)'`
  const matches = (pattern: string) => [...text.matchAll(new RegExp(pattern, 'g'))]
  return [
    ...matches(`(?:import|export) (?:type )?\\{([^}]*)\\}\\s*from ${path}`).flatMap(([, list = '', from = '']) =>
      namesIn(list).map((name) => use(from, name))
    ),
    ...matches(`\\(await import\\(${path}\\)\\)\\.(\\w+)`).map(([, from = '', name = '']) => use(from, name)),
    ...matches(`\\{([^{}]*)\\} = await import\\(${path}\\)`).flatMap(([, list = '', from = '']) =>
      namesIn(list).map((name) => use(from, name.replace(/:.*$/, '')))
    ),
    ...matches(`\\* (?:as \\w+ )?from ${path}`).map(([, from = '']) => use(from, '*'))
  ]
}

function unusedExports(files: ReadonlyMap<string, string>): string[] {
  const used = new Set(
    [...files].flatMap(([file, text]) => usesOf(file, text)).map((one) => `${one.target} ${one.name}`)
  )
  return [...files].flatMap(([file, text]) =>
    /^(src|tools)\//.test(file) && !libraries.includes(file) && !used.has(`${file} *`)
      ? exportsOf(text).flatMap((name) => (used.has(`${file} ${name}`) ? [] : [`${file} exports ${name}`]))
      : []
  )
}

it('everything that is exported is imported somewhere', () => {
  const names = ['src', 'tools', 'test'].flatMap((folder) => sourcesBelow(join(root, folder)))
  // An import of `x.js` may mean `x.tsx`.
  const named = (file: string): string => relative(root, file).replace(/\.tsx$/, '.ts')
  const files = new Map(names.map((file) => [named(file), readFileSync(file, 'utf8')]))
  expect(unusedExports(files)).toEqual([])
})

it('an export that nothing imports is found, whatever the way of importing', () => {
  const files = new Map([
    ['src/a.ts', 'export const a = 1\nexport type B = 1\nexport function c() {}\nexport interface D {}\n'],
    ['src/b.ts', "import { a, type B } from './a.js'\nexport { c as e } from './a.js'\nexport * from './f.js'\n"],
    ['src/f.ts', 'export const g = 1\n'],
    ['tools/h.ts', "const { e: i } = await import('#painlens/b.js')\n"]
  ])
  expect(unusedExports(files)).toEqual(['src/a.ts exports D'])
})
