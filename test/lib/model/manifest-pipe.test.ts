import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'

it('a pipe without a writer at the path of a manifest is refused at once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-pipe-'))
  try {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    await expect(loadManifest(pipe)).rejects.toMatchObject({ code: 'PL-MODEL-MANIFEST-UNREADABLE' })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
