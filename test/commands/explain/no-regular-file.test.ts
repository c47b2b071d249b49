import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCrop, readPicture } from '../../../src/commands/explain/pictures.js'
import { loadManifest } from '../../../src/lib/model/manifest.js'

describe('a pipe without a writer in a file’s place', () => {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-pipe-'))
  const pipe = join(folder, 'pipe')
  beforeAll(() => void execFileSync('mkfifo', [pipe]))
  afterAll(() => rmSync(folder, { recursive: true }))

  it.each([
    ['a picture', () => readPicture(pipe), 'PL-PICTURE-UNREADABLE'],
    ['a crop', () => readCrop(pipe, { width: 8, height: 8 }), 'PL-PICTURE-UNREADABLE'],
    ['a manifest', () => loadManifest(pipe), 'PL-MODEL-MANIFEST-UNREADABLE']
  ])('%s is refused at once', async (_what, read, code) => {
    await expect(read()).rejects.toMatchObject({ code })
  })
})
