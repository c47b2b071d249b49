/** What the architecture test reads imports with. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

export interface Import {
  /** From the root of the repository. */
  file: string
  target: string
}

/**
 * Which units, or single files of one, each row may import, itself apart. `X/*` stands for each unit in X, `src` for all
 * that ships.
 */
export type Rules = Readonly<Record<string, readonly string[]>>

/** Floors whose folders are units of their own. */
const floorsOfUnits = new Set(['lib', 'stages', 'daemon', 'commands', 'show', 'tools'])

/** `src/lib/onnx/wire.ts` is of the unit `lib/onnx`, `src/config/load.ts` of `config`, `src/main.ts` of `main.ts`. */
export function unitOf(file: string): string {
  const parts = file.split('/')
  const [floor = '', folder] = parts[0] === 'src' ? parts.slice(1) : parts
  // What the browser gets is a unit of its own, within what serves it.
  if (floor === 'page' && folder === 'web') return 'page/web'
  return floorsOfUnits.has(floor) && folder ? `${floor}/${folder}` : floor
}

/**
 * The imports in one file's text: static, dynamic, of types, by `require`, and scripts of workers and child processes. A
 * path without an ending counts as TypeScript's: Vite takes those too.
 */
export function importsOf(file: string, text: string): Import[] {
  const path = `(?:\\.{1,2}/|#painlens/)[^'"]*?[^'"./]`
  const imported = new RegExp(
    `(?:from|import\\(|import|require\\(|resolve\\()\\s*['"](${path}(?:\\.[cm]?jsx?)?)['"]`,
    'g'
  )
  const script = new RegExp(`(?:workerScript\\([^,]+,|new URL\\()\\s*['"](${path}\\.js)['"]`, 'g')
  return [imported, script]
    .flatMap((pattern) => [...text.matchAll(pattern)])
    .map(([, specifier = '']) => {
      const path = specifier.startsWith('#')
        ? specifier.replace('#painlens', 'src')
        : posix.join(posix.dirname(file), specifier)
      return { file, target: /\.\w+$/.test(path) ? path.replace(/\.jsx?$/, '.ts') : `${path}.ts` }
    })
}

/**
 * Imports that `importsOf` cannot read, one line each: of a path that is put together when it runs, and workers that
 * are not started from what `workerScript` names.
 */
export function hiddenImports(file: string, text: string): string[] {
  const code = text.replace(/^\s*(?:\/\*|\*|\/\/).*$/gm, '')
  const hidden = /\b(?:import\((?!\s*['"])|new Worker\(|fork\().*/g
  return file === 'src/core/worker.ts' ? [] : [...code.matchAll(hidden)].map(([line]) => `${file}: ${line}`)
}

export function violationsOf(imports: readonly Import[], rules: Rules): string[] {
  return imports.flatMap(({ file, target }) => {
    const [from, to] = [unitOf(file), unitOf(target)]
    if (from === to) return []
    const row = rowFor(from, rules)
    if (row === undefined) return [`${file} is in ${from}, which has no row`]
    return rules[row]!.some((allowed) => covers(allowed, to, target)) ? [] : [`${file} imports ${to}`]
  })
}

/** The row that holds for a unit: its own, or that of its floor. */
export function rowFor(unit: string, rules: Rules): string | undefined {
  return unit in rules ? unit : Object.keys(rules).find((row) => row.endsWith('/*') && covers(row, unit))
}

function covers(allowed: string, unit: string, target = ''): boolean {
  if (allowed === 'src') return target.startsWith('src/')
  if (target === `src/${allowed}`) return true
  return allowed.endsWith('/*') ? unit.startsWith(allowed.slice(0, -1)) : unit === allowed
}

/** Files that import each other in a circle, one line each. */
export function circlesIn(imports: readonly Import[]): string[] {
  const targets = grouped(imports)
  const done = new Set<string>()
  const circles: string[] = []
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file)
    if (at >= 0) circles.push([...path.slice(at), file].join(' → '))
    if (at >= 0 || done.has(file)) return
    for (const { target } of targets.get(file) ?? []) walk(target, [...path, file])
    done.add(file)
  }
  for (const file of targets.keys()) walk(file, [])
  return circles
}

function grouped(imports: readonly Import[]): Map<string, Import[]> {
  const byFile = new Map<string, Import[]>()
  for (const one of imports) byFile.set(one.file, [...(byFile.get(one.file) ?? []), one])
  return byFile
}

/** Names that more than one file of what ships exports, one line each. */
export function namesTwice(texts: readonly (readonly [file: string, text: string])[]): string[] {
  const exported = /^export (?:abstract |async )?(?:class|interface|type|function\*?|const) (\w+)/gm
  const filesOf = new Map<string, Set<string>>()
  for (const [file, text] of texts) {
    if (!file.startsWith('src/')) continue
    for (const [, name = ''] of text.matchAll(exported)) filesOf.set(name, (filesOf.get(name) ?? new Set()).add(file))
  }
  return [...filesOf].filter(([, files]) => files.size > 1).map(([name, files]) => `${name}: ${[...files].join(', ')}`)
}

/** Every TypeScript file below a folder, compiled output apart. Of two files `x.ts` and `x.tsx` there is one. */
export function sourcesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'dist' ? [] : sourcesBelow(path)
    return /\.tsx?$/.test(entry.name) ? [path] : []
  })
}

/**
 * The packages that a file of src loads at once, by itself and by the files that it imports. Imports of types load nothing, dynamic ones and
 * scripts of workers later.
 */
export function packagesLoadedBy(root: string, file: string): string[] {
  const files = new Set([file])
  const packages = new Set<string>()
  for (const one of files) {
    const text = readFileSync(join(root, one), 'utf8')
      .replace(/^(?:import|export) type\b[^']*'[^']+'$/gm, '')
      .replace(/(?:\bimport\(|workerScript\([^,]+,|new URL\()\s*'[^']+'/g, '')
    for (const { target } of importsOf(one, text)) files.add(target)
    for (const [, name = ''] of text.matchAll(/^(?:import|export) (?:[^'=()]*from )?'([^.'#][^']*)'$/gm))
      packages.add(name)
  }
  return [...packages].filter((name) => !name.startsWith('node:')).sort()
}
