import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { plants } from '../../tools/planted/plants.js'

describe('the changes that are planted', () => {
  it.each(plants.map(({ what, edits }) => [what, edits] as const))(
    '%s: its place is where the plant looks for it',
    (_, edits) => {
      for (const { file, change } of edits) {
        const text = textOf(file)
        expect(change(text), file).not.toBe(text)
      }
    }
  )
})

/** Some plants make a file. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
