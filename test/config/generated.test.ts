import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config/index.js'
import { jsonSchema } from '../../src/config/json-schema.js'
import { nonNull, type SchemaNode } from '../../src/core/allowed.js'
import { packageRoot } from '../../src/core/version.js'
import { generatedFiles } from '../../tools/generate/files.js'

describe('generated files', () => {
  it.each(Object.entries(generatedFiles))(
    '%s is up to date with the schema (npm run generate writes it)',
    (file, text) => {
      expect(readFileSync(`${packageRoot}${file}`, 'utf8')).toBe(text())
    }
  )

  it('every config key has a description', () => {
    const bare: string[] = []
    const walk = (schema: SchemaNode, path: string): void => {
      const node = nonNull(schema)
      for (const [key, value] of Object.entries(node.properties ?? {})) {
        if (!value.description) bare.push(`${path}.${key}`)
        walk(value, `${path}.${key}`)
      }
      if (node.items && !Array.isArray(node.items)) walk(node.items, `${path}[]`)
    }
    walk(jsonSchema, '')
    expect(bare).toEqual([])
  })
})

describe('the example', () => {
  const file = `${packageRoot}config/painlens.yaml`

  it('the example config is accepted', async () => {
    const { config } = await loadConfig(file, { env: {} })
    expect(config.cameras).toHaveLength(1)
    expect(config.cameras[0].zones[0].name).toBe('bed')
  })

  it('the example config with every commented key switched on is accepted', async () => {
    const text = readFileSync(file, 'utf8').replace(
      /^( *)# (?=( *)(- id|url|location|username|password|tls|ca|model|manifest): ?)/gm,
      '$1'
    )
    const { config } = await loadConfig(file, {
      env: { CREDENTIALS_DIRECTORY: '/run/c' },
      readFile: async (path) => (path === file ? text.replace('  url: mqtt://192.0.2.2:1883\n', '') : 'pw\n')
    })
    expect(config.mqtt).toMatchObject({ url: 'mqtts://broker.example:8883', password: 'pw' })
    expect(config.cameras).toHaveLength(2)
    expect(config.model.manifest).toContain('vgg-face-pain')
  })
})

describe('a file that cannot be read', () => {
  it('a config file that cannot be read gives a ConfigError with a remedy', async () => {
    const missing = await loadConfig('/nowhere/painlens.yaml').catch((error: Error) => error.message)
    expect(missing).toMatch(/^\/nowhere\/painlens\.yaml has one problem\n {2}it cannot be read: it does not exist\n/)
    expect(missing).toContain('--config')
    const folder = await loadConfig('/tmp').catch((error: Error) => error.message)
    expect(folder).toContain('it is a folder')
  })
})
