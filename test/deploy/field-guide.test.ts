import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { lamps } from '../../src/commands/check/result.js'
import { commandTable } from '../../src/commands/table.js'
import { unusableReasons } from '../../src/core/types.js'
import { packageRoot } from '../../src/core/version.js'

const guide = readFileSync(join(packageRoot, 'docs/operate/field-guide.md'), 'utf8')

/** The first column of the table below a heading of a page. */
function firstColumn(heading: string, page = guide): string[] {
  const [, section = ''] = page.split(`\n## ${heading}\n`)
  const [text = ''] = section.split('\n## ')
  return [...text.matchAll(/^\| `([^`]+)`/gm)].map(([, name = '']) => name)
}

it('the field guide explains every line of painlens check, in order', () => {
  expect(firstColumn('The lamps of painlens check')).toEqual([...lamps, 'painlens check'])
})

it('the field guide and the contract explain every reason for which a face is not usable', () => {
  const [, ...explained] = firstColumn('A face that cannot be judged')
  expect(explained.sort()).toEqual([...unusableReasons].sort())
  const contract = readFileSync(join(packageRoot, 'docs/integrate/mqtt.md'), 'utf8')
  const [, ...told] = firstColumn('base/camera/<id>/observation', contract)
  expect(told.sort()).toEqual([...unusableReasons].sort())
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
