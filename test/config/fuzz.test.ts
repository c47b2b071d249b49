import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { parseConfig } from '../../src/config/index.js'
import { ConfigError } from '../../src/core/errors.js'
import { packageRoot } from '../../src/core/version.js'
import { place } from '../tools/fuzz/mutations.js'

const example = readFileSync(`${packageRoot}config/painlens.yaml`, 'utf8')
const keys = ['device', 'mqtt', 'url', 'cameras', 'id', 'zones', 'masks', 'polygon', 'alarm', 'priority', '__proto__']

/** Anything else than an answer or a ConfigError with positions fails the test. */
async function parsesOrExplains(text: string): Promise<'fine' | 'refused'> {
  try {
    await parseConfig(text, '/x/p.yaml', {
      env: { PW: 'x' },
      readFile: async () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOENT' }))
    })
    return 'fine'
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    const { problems } = error as ConfigError
    expect(problems.length).toBeGreaterThan(0)
    for (const problem of problems) expect(problem).toMatch(/^\d+:\d+ \S/)
    return 'refused'
  }
}

const snippet = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(...'{}[]:#&*!|>@%"\'`-?\n\t,~'.split('')),
  fc.constantFrom(
    '\n  - ',
    ': ',
    '*a',
    '&a ',
    '!!binary ',
    '!!set ',
    '<<: ',
    '---\n',
    '.nan',
    '-.inf',
    '0x1F',
    '1e999'
  ),
  fc.constantFrom(...['env:PW', 'env:', 'file:/x', 'credential:..', 'x:y'].map((name) => `\${${name}}`))
)

/** One edit: at `at` of the text (a share), `cut` letters go and `put` comes. */
const edit = fc.record({ at: place, cut: fc.nat(12), put: snippet })

const edited = (text: string, edits: readonly { at: number; cut: number; put: string }[]): string =>
  edits.reduce((before, { at, cut, put }) => {
    const index = Math.floor(at * before.length)
    return before.slice(0, index) + put + before.slice(index + cut)
  }, text)

describe('whatever the file holds', () => {
  it('a randomly edited example config is read or refused with a ConfigError, never a crash', async () => {
    const seen = { fine: 0, refused: 0 }
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
        const text = edited(example, edits)
        seen[await parsesOrExplains(text)]++
      }),
      { numRuns: 200 }
    )
    // Few edits leave it readable; that the untouched one is shows that the refusals are the edits' doing.
    expect(await parsesOrExplains(example)).toBe('fine')
    expect(seen.refused).toBeGreaterThan(0)
  })

  it('random text as a config is refused with a ConfigError', async () => {
    const text = fc.array(fc.oneof(snippet, fc.constantFrom(...keys)), { maxLength: 40 }).map((parts) => parts.join(''))
    await fc.assert(
      fc.asyncProperty(text, async (yaml) => {
        expect(await parsesOrExplains(yaml)).toBe('refused')
      }),
      { numRuns: 150 }
    )
  })

  it('random values under known config keys are read or refused with a ConfigError', async () => {
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5, withCrossShrink: true },
        fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.integer()),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), tie('value'), { maxKeys: 6 })
      )
    }))
    await fc.assert(
      fc.asyncProperty(value, async (data) => void (await parsesOrExplains(stringify(data)))),
      { numRuns: 150 }
    )
  })

  it('the error about a URL that has slipped into the value above does not contain its password', async () => {
    const text = `device: ward-3
mqtt: { url: "mqtt://192.0.2.2:1883" }
cameras:
  - id: room-!!set  rt0x1F//viewer:hunter2@192.0.2.10:554/stream1
`
    await expect(parseConfig(text, '/x/p.yaml', { env: {} })).rejects.toThrow(/cameras\[0\]\.id: found a single value/)
  })

  it('the error about a damaged config does not contain its password', async () => {
    const text = `device: ward-3
mqtt:
  url: mqtts://u:hunter2@broker.example:8883
  username: painlens
  password: hunter2
cameras:
  - id: room-312
    url: rtsp://viewer:hunter2@192.0.2.10:554/stream1
  - { id: b, url: "rtsp://viewer:hunter2@192.0.2.10:554/stream1" }
`
    let refused = 0
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        const message = await parseConfig(edited(text, edits), '/x/p.yaml', { env: {} }).then(
          () => '',
          (error: Error) => error.message
        )
        if (message) refused++
        expect(message).not.toContain('hunter2')
      }),
      { numRuns: 200 }
    )
    expect(refused).toBeGreaterThan(50)
  })
})
