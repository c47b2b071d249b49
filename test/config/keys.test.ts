import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { jsonSchema } from '../../src/config/json-schema.js'
import type { SchemaNode } from '../../src/core/allowed.js'
import { packageRoot } from '../../src/core/version.js'
import { sourcesBelow } from '../support/imports.js'

const sources = sourcesBelow(`${packageRoot}src`).filter((file) => !file.includes('/src/config/'))
const words = new Set(sources.flatMap((file) => readFileSync(file, 'utf8').match(/\w+/g) ?? []))

/** Each value's key, with its path. */
function keysOf({ properties, items, anyOf }: SchemaNode, path: string): string[] {
  const inner = [...(Array.isArray(items) ? [] : items ? [items] : []), ...(anyOf ?? [])]
  return [
    ...Object.entries(properties ?? {}).flatMap(([key, node]) => {
      const own = path === '' ? key : `${path}.${key}`
      const below = keysOf(node, own)
      return below.length > 0 ? below : [own]
    }),
    ...inner.flatMap((node) => keysOf(node, path))
  ]
}
const unread = (keys: readonly string[]): string[] => keys.filter((key) => !words.has(key.split('.').at(-1)!))

it('every key of the config is read outside src/config: none is accepted and ignored', () => {
  // Priorities are read as a whole, by condition.
  const keys = keysOf(jsonSchema, '').filter((key) => !key.startsWith('alarm.priority.'))
  expect(keys.length).toBeGreaterThan(50)
  expect(unread(keys)).toEqual([])
})

it('a key that nothing reads is found', () => {
  const node = { properties: { alarm: { properties: { linger_s: {} } } } }
  expect(unread(keysOf(node, ''))).toEqual(['alarm.linger_s'])
})
