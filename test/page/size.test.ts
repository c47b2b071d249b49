import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { packageRoot } from '../../src/core/version.js'

const folder = join(packageRoot, 'dist/page/web')
const kilobytes = (file: string): number => gzipSync(readFileSync(join(folder, file)), { level: 9 }).length / 1000

it('what a ward loads is small, and so is each screen that is loaded when it is opened', () => {
  const html = readFileSync(join(folder, 'index.html'), 'utf8')
  const [, first] = /<script type="module"[^>]* src="\/([^"]+)"/.exec(html)!
  const scripts = readdirSync(join(folder, 'assets'))
    .filter((name) => name.endsWith('.js'))
    .map((name) => `assets/${name}`)
  expect(scripts).toContain(first)
  expect(kilobytes(first!)).toBeLessThan(15)
  const others = scripts.filter((name) => name !== first)
  expect(others.length).toBeGreaterThan(1)
  for (const name of others) expect([name, kilobytes(name) < 12]).toEqual([name, true])
})
