import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import asyncApiSpecs from '@asyncapi/specs'
import { Ajv } from 'ajv'
import * as formats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { commandSchemas } from '../../src/contract/commands.js'
import { commandNames } from '../../src/contract/messages.js'
import { commandFile, contractSchemas, messageSchemas } from '../../src/contract/schemas.js'
import { type Kind, topics } from '../../src/contract/topics.js'
import { packageRoot } from '../../src/core/version.js'
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

  it('take the examples of docs/integrate/mqtt.md', () => {
    const page = readFileSync(`${packageRoot}docs/integrate/mqtt.md`, 'utf8')
    const headings: Partial<Record<Kind, string>> = {
      cameraState: 'camera/<id>/state',
      observation: 'camera/<id>/observation'
    }
    for (const kind of Object.keys(messageSchemas) as Kind[]) {
      const heading = kind === 'response' ? 'Commands' : `base/${headings[kind] ?? kind}`
      const block = page.split(`## ${heading}\n`)[1]?.split('```json\n')[1]?.split('```')[0] ?? ''
      // One object over many lines, or one on each.
      const lines = block.trim().split('\n')
      const examples = lines.every((line) => line.endsWith('}')) ? lines : [block]
      for (const example of examples) expect(problemsOf(kind, example), example).toEqual([])
    }
  })

  it('are found by topic', () => {
    expect(kindOf('painlens/box/camera/a/state')).toBe('cameraState')
    expect(kindOf('painlens/box/response/ack')).toBe('response')
    expect(kindOf('painlens/box/alarm')).toBe('alarm')
    expect(kindOf('painlens/box/alarm/x')).toBeNull()
    expect(kindOf('other/box/alarm')).toBeNull()
  })
})
