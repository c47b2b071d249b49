import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { lamps } from '../../src/commands/check/result.js'
import { commandTable } from '../../src/commands/table.js'
import { packageRoot } from '../../src/core/version.js'

const guide = readFileSync(join(packageRoot, 'docs/operate/field-guide.md'), 'utf8')

it('the field guide explains every line of painlens check, in order', () => {
  const explained = [...guide.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name)
  expect(explained).toEqual([...lamps, 'painlens check'])
})

it('every painlens command in the field guide exists', () => {
  const commands = new Set(commandTable.map(({ usage, parent }) => parent ?? usage.split(' ')[0]))
  const named = [...guide.matchAll(/^ {4,}(?:sudo (?:-u painlens )?)?painlens (\w+)/gm)].map(([, name]) => name)
  expect(named).toEqual(expect.arrayContaining(['check', 'simulate']))
  for (const name of named) expect(commands).toContain(name)
})

it('the least face size in the field guide is the smallest that was measured', () => {
  const faces = readFileSync(join(packageRoot, 'docs/measured/faces.md'), 'utf8')
  expect(faces).toContain('Faces narrower than about 1/21 of the frame')
  expect(guide).toContain("at least 1/21 of the picture's width")
  // 15 cm in a picture of 1280 pixels: the table's rows are "lens | angle | 60 px up to | 100 px up to | 140 px up to".
  const rows = [...guide.matchAll(/^\| [\d.]+ mm \| (\d+)° \| ([\d.]+) m \| ([\d.]+) m \| ([\d.]+) m \|$/gm)]
  expect(rows).toHaveLength(5)
  for (const [, angle, ...distances] of rows)
    for (const [at, pixels] of [60, 100, 140].entries()) {
      const distance = (1280 * 0.15) / (2 * pixels * Math.tan((Number(angle) * Math.PI) / 360))
      expect(Math.abs(Number(distances[at]) - distance), `${angle}°, ${pixels} px`).toBeLessThan(0.06)
    }
})
