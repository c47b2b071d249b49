import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../../src/core/version.js'
import { errorIndex } from '../../../tools/generate/errors/page.js'
import { type Scan, scanText } from '../../../tools/generate/errors/scan.js'

/**
 * Where a message is only passed on: what fills it in is in the index by itself. Whoever adds a line here has seen to that. `#{` is a placeholder.
 */
const passedOn = [
  'src/stages/alarm-log/read.ts: DiskError(what)',
  'src/stages/camera/camera.ts: CameraError(failure.what)',
  'src/stages/camera/check.ts: CameraError(failure.what)',
  'src/commands/check/broker.ts: fail(`#{address}: #{found}`)',
  "src/commands/check/index.ts: fail([where, ...problems].join('\\n'))",
  'src/commands/check/finding.ts: fail(`#{where}: #{error.what}`)',
  'src/commands/check/finding.ts: fail(messageOf(error))',
  'src/commands/check/model.ts: fail(`#{file}: #{error.what}`)',
  'src/commands/config/answers.ts: UsageError(wrong)',
  'src/config/load.ts: ConfigError(problemLines(problems, lines))',
  'src/config/load.ts: ConfigError(problemLines(found, lines))',
  'src/lib/face/networks.ts: ModelError(error.what)',
  'src/lib/onnx/decode.ts: ModelError(describe(error))',
  'src/lib/onnx/read-file.ts: ModelError(`#{what}: #{messageOf(error)}`)',
  'src/stages/outbox/database.ts: DiskError(what)',
  'src/daemon/line/inference.ts: InferenceError(stuck.why)',
  'src/show/simulate/rtsp-server.ts: UsageError(error.message)'
].map((place) => place.replaceAll('#{', '$' + '{'))

describe('docs/operate/errors.md', () => {
  const index = errorIndex()

  it('has a cause and a fix for every message in the code; add these to docs/operate/errors.yaml and run npm run generate', () => {
    expect(index.missing.join('\n')).toBe('')
  })

  it('has no message that is not in the code; take these out of docs/operate/errors.yaml', () => {
    expect(index.stale.join('\n')).toBe('')
  })

  it('knows each place whose message cannot be told from the code', () => {
    expect([...new Set(index.unresolved)].filter((place) => !passedOn.includes(place))).toEqual([])
    expect(passedOn.filter((place) => !index.unresolved.includes(place))).toEqual([])
  })

  it('has each message word for word in the source', () => {
    const rows = index.parts.flatMap(({ rows }) => rows)
    expect(rows.length).toBeGreaterThan(150)
    const page = readFileSync(`${packageRoot}docs/operate/errors.md`, 'utf8')
    for (const { pattern } of rows) expect(page).toContain(pattern.replaceAll('|', '\\|').replaceAll('<', '&lt;'))
  })
})

describe('finding messages', () => {
  const scan = (text: string, path = 'x/y.ts'): Scan => {
    const found: Scan = { messages: [], unresolved: [] }
    scanText(text, path, found)
    return found
  }
  /** `#{` stands for the beginning of a placeholder. */
  const patterns = (text: string, path?: string) =>
    scan(text.replaceAll('#{', '$' + '{'), path).messages.map(({ pattern }) => pattern)

  it('sees through templates, conditions, constants and helpers', () => {
    expect(patterns('throw new ModelError(`the #{a} of #{b}#{c} is wrong`, w, "Do it.")')).toEqual([
      'the … of … is wrong'
    ])
    expect(patterns('new DiskError(a ? "one is" : `two #{b}`, w, f)')).toEqual(['one is', 'two …'])
    expect(patterns('function f() { const what = "said"; throw new InputError(what, w, f) }')).toEqual(['said'])
    expect(patterns('const wrong = (what) => new BrokerError(what, w, f); throw wrong("no host")')).toEqual(['no host'])
    expect(
      patterns('class A { #bad(what) { return new ModelError(what, w, f) } g() { this.#bad("that is bad") } }')
    ).toEqual(['that is bad'])
    expect(patterns('const failure = { kind: 1, what: "gone", fix: "Look." }')).toEqual(['gone'])
  })

  it('takes the fix along', () => {
    const fix = 'Choose another.'
    expect(scan(`const f = '${fix}'; new UsageError('bad one', 'w', f)`).messages[0]).toMatchObject({ fix })
  })

  it('says so where it cannot', () => {
    expect(scan('new ModelError(describe(e), w, f)').unresolved).toEqual(['src/x/y.ts: ModelError(describe(e))'])
    expect(scan('new RangeError("a programmer’s slip")')).toEqual({ messages: [], unresolved: [] })
  })

  it('misses none that a plain search finds', () => {
    const known = new Set(errorIndex().parts.flatMap(({ rows }) => rows.map(({ pattern }) => pattern)))
    const text = readFileSync(`${packageRoot}src/lib/model/manifest.ts`, 'utf8')
    const literals = [...text.matchAll(/new ModelError\(\s*`([^`]+)`/g)].map(([, literal]) => literal)
    expect(literals.length).toBeGreaterThan(6)
    for (const literal of literals) {
      const start = literal.split(/\$\{/)[0]
      expect(
        [...known].some((pattern) => pattern.startsWith(start.trim())),
        literal
      ).toBe(true)
    }
  })
})
