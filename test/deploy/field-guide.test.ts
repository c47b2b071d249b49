import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { commandTable } from '../../src/commands/table.js'
import { packageRoot } from '../../src/core/version.js'

const guide = readFileSync(join(packageRoot, 'docs/operate/field-guide.md'), 'utf8')

/** What stands first in the lines of `painlens check`, from its sources: `what: 'clock'`, `ok('config', …)`, `const what = …`. */
function lampsOfTheCode(): Set<string> {
  const folder = join(packageRoot, 'src/commands/check')
  const files = readdirSync(folder).map((name) => join(folder, name))
  const named = /(?:\bwhat(?::| =)|\b(?:ok|warn|fail|failed|checkFolder)\()\s*(?:'([^']+)'|`([^`]+)`)/g
  return new Set(
    files.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(named)].map(
        ([, text, template]) => text ?? template!.replace(/\$\{.*?\}/, 'ID')
      )
    )
  )
}

it('explains each lamp of painlens check', () => {
  const lamps = lampsOfTheCode()
  for (const known of ['config', 'clock', 'camera ID', 'face models', 'broker', 'disk (heatmaps)'])
    expect(lamps).toContain(known)
  const explained = new Set([...guide.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name))
  for (const lamp of lamps)
    expect(explained, `docs/operate/field-guide.md says nothing about "${lamp}"`).toContain(lamp)
  explained.delete('painlens check')
  expect([...explained].filter((name) => !lamps.has(name!))).toEqual([])
})

it('names commands that there are', () => {
  const commands = new Set(commandTable.map(({ usage, parent }) => parent ?? usage.split(' ')[0]))
  const named = [...guide.matchAll(/^ {4,}(?:sudo (?:-u painlens )?)?painlens (\w+)/gm)].map(([, name]) => name)
  expect(named).toEqual(expect.arrayContaining(['check', 'simulate']))
  for (const name of named) expect(commands).toContain(name)
})

it('asks for faces as large as those that were tried', () => {
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
