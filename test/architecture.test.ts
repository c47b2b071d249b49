import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const source = resolve(import.meta.dirname ?? dirname(new URL(import.meta.url).pathname), '../src')

const stages = ['camera', 'detect', 'classify', 'alarm', 'alarm-log', 'explain', 'outbox', 'mqtt']
const libraries = ['onnx', 'lrp', 'face', 'ort', 'model', 'render', 'vgg']

/** Which folders of src a folder may import, itself and core apart. */
const allowed: Record<string, readonly string[]> = {
  core: [],
  ...Object.fromEntries(stages.map((stage) => [stage, libraries])),
  ...Object.fromEntries(libraries.map((library) => [library, libraries]))
}

interface Import {
  file: string
  from: string
  to: string
}

/** The imports between folders of src in one file's text, dynamic ones and worker scripts too. */
function importsOf(file: string, text: string): Import[] {
  const folderOf = (path: string) => relative(source, path).split('/')[0]!
  const specifiers = [...text.matchAll(/(?:from|import\(|import|workerScript\([^,]+,)\s*['"](\.[^'"]+)['"]/g)].map(
    (m) => m[1]!
  )
  return specifiers.map((specifier) => ({
    file: relative(source, file),
    from: folderOf(file),
    to: folderOf(resolve(dirname(file), specifier))
  }))
}

function violations(imports: Import[]): string[] {
  return imports
    .filter(({ from, to }) => from in allowed && to !== from && to !== 'core' && !allowed[from]!.includes(to))
    .map(({ file, to }) => `${file} imports ${to}`)
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return filesBelow(path)
    return entry.name.endsWith('.ts') ? [path] : []
  })
}

const files = filesBelow(source)

describe('the boundaries of the design', () => {
  it('a stage imports core and libraries, never another stage; a library imports no stage', () => {
    expect(violations(files.flatMap((file) => importsOf(file, readFileSync(file, 'utf8'))))).toEqual([])
  })

  it('and this test sees an import that breaks them', () => {
    const planted = (file: string, text: string) => violations(importsOf(join(source, file), text))
    expect(planted('alarm/x.ts', "import { startMqtt } from '../mqtt/index.js'")).toEqual(['alarm/x.ts imports mqtt'])
    expect(planted('lrp/x.ts', "const a = await import('../classify/index.js')")).toEqual(['lrp/x.ts imports classify'])
    expect(planted('core/x.ts', "export * from '../config/index.js'")).toEqual(['core/x.ts imports config'])
    expect(planted('explain/deep/x.ts', "import type { A } from '../../lrp/index.js'")).toEqual([])
  })

  it('has every stage and library of the table', () => {
    const folders = new Set(files.map((file) => relative(source, file).split('/')[0]))
    expect([...stages, ...libraries].filter((folder) => !folders.has(folder))).toEqual([])
  })

  it('keeps files under 400 lines', () => {
    expect(files.filter((file) => readFileSync(file, 'utf8').split('\n').length > 400)).toEqual([])
  })
})
