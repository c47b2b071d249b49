import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { connectOptions } from '../../../src/stages/mqtt/connect.js'

describe('a certificate that is no file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-tls-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it.each(['pipe', 'folder'])('a %s in its place is refused at once', (kind) => {
    const path = join(folder, kind)
    execFileSync(kind === 'pipe' ? 'mkfifo' : 'mkdir', [path])
    const options = { url: 'mqtts://127.0.0.1:1', tls: { ca: path }, device: 'w', protocolVersion: 5 } as const
    expect(() => connectOptions(options)).toThrow(`${path} is no regular file`)
  })
})
