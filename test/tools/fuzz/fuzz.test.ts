import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { parseConfig } from '../../../src/config/index.js'
import { commandNames, type ResponseMessage } from '../../../src/contract/messages.js'
import { ConfigError, ModelError, PainlensError } from '../../../src/core/errors.js'
import { silentLog } from '../../../src/core/log.js'
import { Secrets } from '../../../src/core/secrets.js'
import { packageRoot } from '../../../src/core/version.js'
import { layerGraphOf } from '../../../src/lib/lrp/graph/index.js'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import { decodeModel, encodeModel } from '../../../src/lib/onnx/index.js'
import { readArchiveManifest, unpack } from '../../../src/provider/unpack.js'
import { type CommandHandlers, CommandQueue } from '../../../src/stages/mqtt/commands.js'
import { encode } from '../../../src/stages/mqtt/delivery.js'
import { buildNet } from '../../lib/lrp/nets.js'
import { fakeFiles, tarEntry, writeArchive, writeFakePackage } from '../../provider/rig.js'
import { noCommands } from '../../stages/mqtt/rig.js'
import { problemsOf } from '../../support/contract.js'
import { fuzz, fuzzTimeoutMs } from './fuzz.js'
import { mutated } from './mutations.js'

const yamlTokens = [
  ...'{}[]:#&*!|>@%"\'`-?\n\t,~'.split(''),
  ...['\n  - ', ': ', '*a', '&a ', '!!binary ', '!!set ', '!!omap ', '<<: ', '---\n', '.nan', '-.inf', '0x1F', '1e999'],
  ...['"\\u0000"', '__proto__: ', 'constructor: ', '\ufeff', '- - - - - - ', '[[[[[[[[', '{{{{{{{{', '? ', '\r'],
  ...['env:PW', 'env:', 'file:/x', 'credential:..', 'x:y'].map((name) => `\${${name}}`)
]

const accepts = async (
  kind: abstract new (...args: never[]) => PainlensError,
  take: () => unknown
): Promise<'fine' | 'refused'> => {
  try {
    await take()
    return 'fine'
  } catch (error) {
    if (error instanceof kind) return 'refused'
    throw error
  }
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-fuzz-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('input from the fuzzer', { timeout: fuzzTimeoutMs }, () => {
  it('no archive of a provider crashes the reader, or brings a file from another folder', async () => {
    const place = writeFakePackage(join(folder, 'onnxruntime-node'))
    const file = join(folder, 'fuzzed.tar.gz')
    const whole = gunzipSync(readFileSync(writeArchive(file, fakeFiles())))
    const extra = ['2', '1', '3', '5', '6', 'L', 'x', '0'].flatMap((type) =>
      ['../evil', '/tmp/evil', 'link.so', 'LICENSE', 'manifest.json'].map((name) =>
        tarEntry(name, Buffer.from('x'), type, '../../evil')
      )
    )
    const seen = await fuzz({
      runs: 200,
      inputs: fc.oneof(
        mutated([whole], ['ustar', '../', '/etc/', '77777777777', '-1', '{"', '__proto__', '\0'.repeat(512)]),
        fc
          .tuple(fc.constantFrom(...extra), fc.nat(whole.length / 512))
          .map(([entry, at]) => Buffer.concat([whole.subarray(0, at * 512), entry, whole.subarray(at * 512)]))
      ),
      take: async (bytes) => {
        writeFileSync(file, gzipSync(bytes, { level: 0 }))
        const outcome = await accepts(PainlensError, async () => {
          await unpack(file, place, await readArchiveManifest(file, place))
        })
        const found = existsSync(place.staged) ? readdirSync(place.staged, { withFileTypes: true }) : []
        expect(found.every((entry) => entry.isFile())).toBe(true)
        expect(readdirSync(folder).filter((name) => name.includes('evil'))).toEqual([])
        return outcome
      }
    })
    expect(seen.fine).toBeGreaterThan(5)
    expect(seen.refused).toBeGreaterThan(80)
  })

  it('no config crashes or hangs the loader', async () => {
    const example = readFileSync(`${packageRoot}config/painlens.yaml`, 'utf8')
    const bare = stringify(parse(example))
    const flow = JSON.stringify(parse(example))
    const seeds = [
      bare,
      flow,
      `device: a\nmqtt: { url: "mqtt://b" }\ncameras: [{ id: a, url: "rtsp://u:\${env:PW}@h" }]\n`
    ]
    const absent = async () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOENT' }))
    const seen = await fuzz({
      inputs: mutated(
        seeds.map((text) => Buffer.from(text)),
        yamlTokens
      ),
      take: (input) =>
        accepts(ConfigError, () =>
          parseConfig(Buffer.from(input).toString('utf8'), '/x/p.yaml', { env: { PW: 'x' }, readFile: absent })
        )
    })
    expect(seen.fine).toBeGreaterThan(12)
    expect(seen.refused).toBeGreaterThan(400)
  })

  it('no manifest crashes or hangs the loader', async () => {
    writeFileSync(join(folder, 'pain-demo.onnx'), 'x')
    const sha256 = createHash('sha256').update('x').digest('hex')
    const card = parse(readFileSync(`${packageRoot}models/pain-demo.yaml`, 'utf8')) as object
    const plain = { ...card, sha256, metrics: { accuracy: 0.9 } }
    const seeds = [stringify(plain), JSON.stringify(plain)]
    const path = join(folder, 'fuzzed.yaml')
    const seen = await fuzz({
      inputs: mutated(
        seeds.map((text) => Buffer.from(text)),
        [...yamlTokens, '/dev/zero', '/dev/stdin', '../', '\0']
      ),
      take: (input) => {
        writeFileSync(path, input)
        return accepts(ModelError, () => loadManifest(path))
      }
    })
    expect(seen.fine).toBeGreaterThan(12)
    expect(seen.refused).toBeGreaterThan(400)
  })

  it('no ONNX file crashes or hangs the reader, nor LRP on those that can be read', async () => {
    const image = [2, 6, 6] as [number, number, number]
    const seeds = [
      buildNet(
        [
          { kind: 'conv', out: 2, kernel: [3, 3], pads: [1, 1, 1, 1] },
          { kind: 'relu' },
          { kind: 'maxPool', kernel: [2, 2], strides: [2, 2] },
          { kind: 'flatten' },
          { kind: 'dense', out: 3 },
          { kind: 'softmax' }
        ],
        image,
        1
      ),
      buildNet(
        [
          { kind: 'residual', body: [{ kind: 'conv', out: 2, kernel: [1, 1] }, { kind: 'batchNorm' }] },
          { kind: 'averagePool', kernel: [3, 3], pads: [1, 1, 1, 1] },
          { kind: 'globalAveragePool' },
          { kind: 'flatten' },
          { kind: 'dense', out: 2, form: 'matMul' }
        ],
        image,
        2
      ),
      buildNet(
        [
          { kind: 'pad', pads: [1, 0, 1, 0] },
          { kind: 'conv', out: 4, kernel: [2, 2], groups: 2, dilations: [2, 2] },
          { kind: 'dropout' },
          { kind: 'flatten' },
          { kind: 'dense', out: 2 }
        ],
        image,
        3
      )
    ].map(({ model }) => model)
    const seen = await fuzz({
      inputs: mutated(seeds, ['Conv', 'Reshape', 'Transpose', 'pads', 'axis', 'kernel_shape', '\u0008\u0007']),
      take: (input) =>
        accepts(PainlensError, () => {
          const model = decodeModel(input)
          encodeModel(model)
          layerGraphOf(model)
        })
    })
    expect(seen.fine).toBeGreaterThan(12)
    expect(seen.refused).toBeGreaterThan(400)
  })

  it('every MQTT command is answered once, by the contract', async () => {
    const examples = [
      '{"transaction":17,"alarm_id":"5f0c6f0e-53a1-4b52-8a57-0c8b6c0d8f7e","by":"nurse 7","kind":"coming"}',
      '{"camera":"room-12","duration_s":600,"by":"nurse 7"}',
      '{"camera":"room-12"}',
      '{}'
    ]
    const tokens = [
      'null',
      '[]',
      '1e999',
      '-0',
      '"__proto__":{}',
      '"\\ud800"',
      '{"a":'.repeat(50),
      '\ufeff',
      '"transaction":"x",'
    ]
    const names = [
      ...commandNames,
      '',
      '+',
      'ack/x',
      '__proto__',
      'constructor',
      'toString',
      '\u0000',
      'x'.repeat(5000)
    ]
    const responses = [undefined, 'x/y', '', '#', 'b/alarm', 'b/response/x', '$SYS/x', '\u0000', 'a'.repeat(70_000)]
    // What comes in stays within the handlers; that they refuse is a part of it.
    const handlers: CommandHandlers = {
      ...noCommands,
      pause: async ({ duration_s }) => ({ until: new Date(duration_s * 1000).toISOString() }),
      resume: async ({ camera }) => Promise.reject(new Error(`there is no camera ${camera}`))
    }
    const answers: [string, ResponseMessage][] = []
    const answer = async (topic: string, message: ResponseMessage) => void answers.push([topic, message])
    const secrets = new Secrets()
    const desk = new CommandQueue({ base: 'b', handlers, answer, secrets, log: silentLog })
    const pick = <T>(list: readonly T[], byte: number): T => list[byte % list.length]!
    const inputs = fc
      .tuple(
        fc.uint8Array({ minLength: 2, maxLength: 2 }),
        mutated(
          examples.map((text) => Buffer.from(text)),
          tokens
        )
      )
      .map(([head, body]) => Buffer.concat([head, body]))
    const seen = await fuzz({
      inputs,
      take: async (input) => {
        const properties = {
          responseTopic: pick(responses, input[1]!),
          correlationData: Buffer.from(input.subarray(0, 9))
        }
        const packet = {
          cmd: 'publish',
          topic: '',
          payload: '',
          qos: 1,
          dup: false,
          retain: false,
          properties
        } as const
        desk.take(`b/command/${pick(names, input[0]!)}`, Buffer.from(input.subarray(2)), packet)
        await desk.idle()
        const [[topic, message], ...more] = answers.splice(0)
        expect(more).toEqual([])
        expect(topic).toMatch(/^(b\/response\/[\w-]+|x\/y|a+)$/)
        expect(problemsOf('response', encode(message, secrets))).toEqual([])
        return message.status === 'ok' ? 'fine' : 'refused'
      }
    })
    expect(desk.flooded).toBe(0)
    expect(seen.fine).toBeGreaterThan(12)
    expect(seen.refused).toBeGreaterThan(400)
  })
})
