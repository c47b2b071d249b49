import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { report } from '../../src/commands/report.js'
import { errorArea } from '../../src/core/error-codes/area.js'
import { type ErrorCode, errorAreas, errorCodes, fixOf } from '../../src/core/error-codes/index.js'
import {
  asError,
  ConfigError,
  codeOf,
  InputError,
  InvariantError,
  PainlensError,
  printed,
  UsageError
} from '../../src/core/errors.js'
import { packageRoot } from '../../src/core/version.js'

const codes = errorAreas.flatMap((one) => Object.keys(one.codes))

/** The text of every source file below a folder, by its path. */
function sourcesOf(folder: string): Map<string, string> {
  const files = readdirSync(join(packageRoot, folder), { withFileTypes: true, recursive: true })
  return new Map(
    files
      .filter((file) => file.isFile() && file.name.endsWith('.ts'))
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((path) => [path.slice(packageRoot.length), readFileSync(path, 'utf8')])
  )
}

const sources = sourcesOf('src')
const inTable = (file: string): boolean => file.startsWith('src/core/error-codes/')

describe('the table of error codes', () => {
  it.each(Object.entries(errorCodes))(
    'has a cause and what to do, in whole sentences, for %s',
    (code, { cause, fix }) => {
      expect(code).toMatch(/^PL(-[A-Z0-9]+)+$/)
      expect(cause).toMatch(/^["`A-Z\-a-z].{8,}\.$/s)
      expect(fix).toMatch(/^[A-Za-z].{8,}[.a-z]$/s)
    }
  )

  it('every error code is defined once', () => {
    expect(codes.filter((code, i) => codes.indexOf(code) !== i)).toEqual([])
    expect(Object.keys(errorCodes)).toHaveLength(codes.length)
  })

  it('every error code is used by a source', () => {
    const used = [...sources].filter(([file]) => !inTable(file)).map(([, text]) => text)
    const isUsed = (code: string): boolean => used.some((text) => text.includes(`'${code}'`))
    expect(codes.filter((code) => !isUsed(code))).toEqual([])
  })

  it('a camera whose pictures come seldom: both waits are named, until its first picture and between two', () => {
    expect(fixOf('PL-CAMERA-HUNG')).toMatch(/first_picture_s.*silent_after_s/)
  })

  it('every error code that was ever released still exists, since tickets, scripts and subscribers use it', () => {
    const kept = readFileSync(join(packageRoot, 'test/core/error-codes.txt'), 'utf8').trim().split('\n')
    const gone = kept.filter((code) => !Object.hasOwn(errorCodes, code))
    expect(gone, 'A code is never removed, nor renamed: leave it, or say in CHANGELOG.md what takes its place').toEqual(
      []
    )
    const added = codes.filter((code) => !kept.includes(code))
    expect(added, 'New codes: add these lines to test/core/error-codes.txt').toEqual([])
  })

  it('an entry without cause or fix, and a code without PL-, fail the type check', () => {
    // @ts-expect-error no fix
    errorArea({ title: 'x', about: '', codes: { 'PL-X': { cause: 'Because.' } } })
    // @ts-expect-error no cause
    errorArea({ title: 'x', about: '', codes: { 'PL-X': { fix: 'Do it.' } } })
    // @ts-expect-error no PL-
    errorArea({ title: 'x', about: '', codes: { X: { cause: 'Because.', fix: 'Do it.' } } })
    // @ts-expect-error a code that is in no table
    const unknown: ErrorCode = 'PL-NOT-THERE'
    expect(codes).not.toContain(unknown)
  })

  it('every error code that docs, config and deploy mention exists', () => {
    const folders = ['docs', 'config', 'deploy'].flatMap((folder) =>
      readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`)
    )
    const files = [...folders, 'README.md', 'CHANGELOG.md'].filter((file) => /\.(md|yaml|json|sh|mjs)$/.test(file))
    const named = files.flatMap((file) => {
      const text = readFileSync(join(packageRoot, file), 'utf8')
      // `PL-DEVICE-…` stands for several.
      return [...text.matchAll(/\bPL(?:-[A-Z0-9]+)+\b(?!-)/g)].map(([code]) => ({ file, code }))
    })
    expect(new Set(named.map(({ file }) => file)).size).toBeGreaterThan(10)
    expect(named.filter(({ code }) => !codes.includes(code))).toEqual([])
  })
})

describe('what the sources throw', () => {
  it('no sentence of a message, a table or a page ends with two full stops', () => {
    const doubled = /[\p{L}\p{N})\]}"]\.\.(?=[ '"`<]|\\n)/u
    const lines = [...sources].flatMap(([file, text]) =>
      text.split('\n').flatMap((line) => (doubled.test(line) ? [`${file}: ${line.trim()}`] : []))
    )
    expect(lines).toEqual([])
  })

  it('sources throw classes of painlens, or a RangeError or TypeError for a wrong call of a library function', () => {
    const plain = [...sources].flatMap(([file, text]) => (/\bnew Error\(/.test(text) ? [file] : []))
    // The one speaks as the system does (EFBIG, ETIMEDOUT), to a caller that words it; the other gives an error of another
    // class its shape back on this side of a worker.
    expect(plain).toEqual(['src/config/read-text.ts', 'src/core/worker.ts'])
  })
})

describe('an error', () => {
  it("an error's remedy is its code's, unless the throwing place gives a more precise one", () => {
    const error = new InputError('PL-NPY', 'is cut short', 'a.npy')
    expect(error).toMatchObject({ code: 'PL-NPY', fix: fixOf('PL-NPY'), exitCode: 1 })
    expect(error.message).toBe(`a.npy: is cut short. ${fixOf('PL-NPY')}`)
    expect(new InputError('PL-NPY', 'is cut short', 'a.npy', { fix: 'Copy it.' }).message).toMatch(/short\. Copy it\.$/)
  })

  it.each([
    ['received signal 15.', 'received signal 15'],
    ['cannot be read (bad "header".)', 'cannot be read (bad "header".)'],
    ['the folder is ..', 'the folder is ..'],
    ['it is 3.5', 'it is 3.5']
  ])('an error about %j has one full stop between what went wrong and what to do', (what, told) => {
    const error = new InputError('PL-NPY', what, 'a.npy', { fix: 'Copy it.' })
    expect([error.what, error.message]).toEqual([told, `a.npy: ${told}. Copy it.`])
  })

  it('a foreign error whose message ends with a full stop is reported with one', () => {
    const written: string[] = []
    expect(report(new Error('Input buffer is empty.'), (text) => written.push(text))).toBe(1)
    expect(written[0]).toMatch(/^painlens: Input buffer is empty\. \w/)
  })

  it('an error is printed with its code last, and a foreign one with PL-UNEXPECTED', () => {
    expect(printed(new UsageError('PL-OPTION-TIME', '"x" is no time', '--since'))).toMatch(/ \[PL-OPTION-TIME\]$/)
    expect(printed(new Error('boom'))).toBe('boom [PL-UNEXPECTED]')
    expect(codeOf(Object.assign(new Error('no'), { code: 'ENOENT' }))).toBe('PL-UNEXPECTED')
  })

  it('an error keeps its cause and has the exit code of its kind', () => {
    const cause = new Error('why')
    const error = new InvariantError('cannot be', 'here', { cause })
    expect(error).toMatchObject({ code: 'PL-INVARIANT', cause, name: 'InvariantError', exitCode: 1 })
    expect(new UsageError('PL-OPTION-TIME', 'x', 'y').exitCode).toBe(2)
    expect(new ConfigError('PL-CONFIG-INVALID', 'f', ['1:1 x']).exitCode).toBe(2)
    expect('cause' in new UsageError('PL-OPTION-TIME', 'x', 'y')).toBe(false)
  })

  it('any thrown value becomes an Error', () => {
    expect(asError(cause)).toBe(cause)
    expect(asError('text')).toMatchObject({ code: 'PL-UNEXPECTED', what: 'text' })
    expect(asError('text')).toBeInstanceOf(PainlensError)
  })
})

const cause = new Error('as it is')
