import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import asyncApiSpecs from '@asyncapi/specs'
import { Ajv } from 'ajv'
import * as formats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { commandSchemas } from '../../src/contract/commands.js'
import { commandNames } from '../../src/contract/messages.js'
import { commandFile, contractSchemas } from '../../src/contract/schemas.js'
import { topics } from '../../src/contract/topics.js'
import { packageRoot } from '../../src/core/version.js'
import { examplesOf } from '../../tools/generate/examples.js'
import { alarm, explanation, health } from '../stages/mqtt/rig.js'
import { kindOf, problemsOf, schemaOf } from '../support/contract.js'

const file = join(packageRoot, 'config/asyncapi.yaml')
// biome-ignore lint/suspicious/noExplicitAny: a document of many shapes.
const document = parse(readFileSync(file, 'utf8')) as any

function ajv(): Ajv {
  const made = new Ajv({ allErrors: true, strict: false })
  formats.default.default(made)
  return made
}

describe('config/asyncapi.yaml', () => {
  it('is AsyncAPI 3.0 by its own schema', () => {
    const { $schema: _, ...schema } = asyncApiSpecs.schemas['3.0.0'] as Record<string, unknown>
    // It brings JSON Schema's own schema along.
    const bare = new Ajv({ strict: false, meta: false, validateSchema: false })
    formats.default.default(bare)
    const validate = bare.compile(schema)
    expect(validate(document) ? [] : validate.errors).toEqual([])
    expect(validate({ ...document, channels: { x: { adress: 'y' } } })).toBe(false)
  })

  it('leads everywhere: each reference within, and each schema beside it', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1])
    expect(refs.length).toBeGreaterThan(40)
    for (const ref of refs) {
      if (ref.startsWith('#/')) {
        const found = ref
          .slice(2)
          .split('/')
          .reduce((node, key) => node?.[key], document)
        expect(found, ref).toBeDefined()
      } else expect(() => JSON.parse(readFileSync(join(dirname(file), ref), 'utf8')), ref).not.toThrow()
    }
  })

  it('has every topic of the contract, with its QoS and retain flag, and every command', () => {
    const addresses = Object.values<{ address: string }>(document.channels).map(({ address }) => address)
    for (const [kind, { topic, qos, retain }] of Object.entries(topics)) {
      const { address } = document.channels[kind]
      expect(address.replace(/\{(camera|command)\}/, '+')).toBe(`painlens/{device}/${topic}`)
      expect(document.operations[kind].bindings.mqtt).toMatchObject({ qos, retain })
    }
    for (const name of commandNames) expect(addresses).toContain(`painlens/{device}/command/${name}`)
  })
})

describe('config/messages', () => {
  const json = (value: object) => JSON.stringify(value)
  const good = { ...alarm('a', 0), published: '2026-01-01T00:00:02.000Z' }

  it.each(Object.keys(contractSchemas))('%s is a JSON Schema that a strict validator takes', (name) => {
    const strict = new Ajv({ strict: true, strictTuples: false, allowUnionTypes: true })
    formats.default.default(strict)
    expect(() => strict.compile(schemaOf(name))).not.toThrow()
  })

  it('take what is right and name what is not', () => {
    expect(problemsOf('alarm', json(good))).toEqual([])
    expect(problemsOf('health', json(health))).toEqual([])
    expect(problemsOf('explanation', json({ ...explanation, heatmap: 'iVBORw0KGgo=' }))).toEqual([])
    expect(problemsOf('alarm', json({ ...good, published: null })).join()).toContain('published')
    expect(problemsOf('alarm', json({ ...good, onset: 'yesterday' })).join()).toContain('onset')
    expect(problemsOf('alarm', json({ ...good, condition: 'boredom' })).join()).toContain('condition')
    expect(problemsOf('alarm', json({ ...good, model: { ...good.model, licence: 'x' } })).join()).toContain('licence')
    expect(problemsOf('status', json({ state: 'online' })).join()).toContain('session')
  })

  it('forbid no field that a later version may bring, but refuse a misspelt one in a command', () => {
    const validate = ajv().compile(schemaOf('alarm'))
    expect(validate({ ...good, news: 1 })).toBe(true)
    for (const name of commandNames) {
      const schema = ajv().compile(schemaOf(commandFile(name)))
      const example = { transaction: 1, alarm_id: 'a', camera: 'c', by: 'x', duration_s: 5 }
      const known = Object.entries(example).filter(([key]) => key in (commandSchemas[name].shape as object))
      expect(schema(Object.fromEntries(known)), name).toBe(true)
      expect(schema({ ...Object.fromEntries(known), nmae: 1 }), name).toBe(false)
    }
  })

  const examples = examplesOf(readFileSync(`${packageRoot}docs/integrate/mqtt.md`, 'utf8'))
  const validators = new Map(Object.keys(contractSchemas).map((name) => [name, ajv().compile(schemaOf(name))]))
  /** By the file that users get and, where it is stricter, by its source. */
  const problemsWith = (name: string, payload: unknown): string[] => {
    const validate = validators.get(name)!
    const bySource = contractSchemas[name]!.safeParse(payload)
    return [
      ...(validate(payload) ? [] : validate.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`)),
      ...(bySource.success ? [] : bySource.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`))
    ]
  }

  it('take every example of docs/integrate/mqtt.md, which has one of each message and command', () => {
    for (const { of, text } of examples) {
      expect(of, `an example of what? ${text}`).not.toBeNull()
      expect(problemsWith(of!, JSON.parse(text)), text).toEqual([])
    }
    expect(new Set(examples.map(({ of }) => of))).toEqual(new Set(Object.keys(contractSchemas)))
  })

  it('take every example of config/asyncapi.yaml, which has those of the page', () => {
    const messages = Object.values<{ name: string; examples: { payload: object }[] }>(document.components.messages)
    const found = messages.flatMap(({ name, examples }) => examples.map(({ payload }) => ({ name, payload })))
    expect(found).toHaveLength(examples.length)
    for (const { name, payload } of found) expect(problemsWith(name, payload), JSON.stringify(payload)).toEqual([])
  })

  it('refuse an example whose hash is cut short, or whose command has a misspelt key', () => {
    const cut = JSON.parse(examples.find(({ of }) => of === 'alarm')!.text)
    cut.model.sha256 = cut.model.sha256.slice(0, 16)
    expect(problemsWith('alarm', cut).join()).toContain('sha256')
    expect(examplesOf('## base/nothing\n```json\n{}\n```\n')).toEqual([{ of: null, text: '{}' }])
  })

  it('are found by topic', () => {
    expect(kindOf('painlens/box/camera/a/state')).toBe('cameraState')
    expect(kindOf('painlens/box/response/ack')).toBe('response')
    expect(kindOf('painlens/box/alarm')).toBe('alarm')
    expect(kindOf('painlens/box/alarm/x')).toBeNull()
    expect(kindOf('other/box/alarm')).toBeNull()
  })
})
