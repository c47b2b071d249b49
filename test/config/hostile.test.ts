import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/index.js'
import { readText } from '../../src/config/read-text.js'
import { ConfigError } from '../../src/core/errors.js'

const config = (camera: string, more = ''): string => `device: w
mqtt: { url: "mqtt://127.0.0.1:1883" }
cameras:
  - { id: a, ${camera} }
${more}`

async function problemsOf(text: string, env: Record<string, string> = {}): Promise<string> {
  const error = await parseConfig(text, '/etc/p.yaml', { env }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ConfigError)
  return (error as ConfigError).problems.join('\n')
}

describe('a config that means something else than it says', () => {
  it('a mask whose anchor is misspelt is a problem, not a camera without masks', async () => {
    const text = config('url: "rtsp://127.0.0.1/x", masks: *bedd')
    expect(await problemsOf(text)).toMatch(/^4:\d+ cameras\[0\]\.masks: found an alias .*\[PL-CONFIG-YAML\]$/)
  })

  it('half a character in a URL is a problem with its place', async () => {
    const text = config('url: "rtsp://\\ud800:secret@127.0.0.1/x"')
    const problems = await problemsOf(text)
    expect(problems).toMatch(/^4:\d+ cameras\[0\]\.url: found a URL with half a character .*\[PL-CONFIG-URL\]$/)
    expect(problems).not.toContain('secret')
  })

  it.each(['constructor', '__proto__', 'toString'])('the environment has no %s unless it is set', async (name) => {
    const text = config('url: "rtsp://127.0.0.1/x"', `facility: \${env:${name}}\n`)
    expect(await problemsOf(text)).toContain('[PL-CONFIG-ENV]')
  })
})

describe('text from a file that is none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-config-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it('a pipe without a writer reads as empty instead of keeping the process', async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    expect(await readText(pipe)).toBe('')
  })

  it('a device without end is refused', async () => {
    await expect(readText('/dev/zero')).rejects.toMatchObject({ code: 'EFBIG' })
  })

  it('1 MiB is read, a byte more is refused', async () => {
    const file = join(folder, 'large')
    writeFileSync(file, 'ä'.repeat(512 * 1024))
    expect(await readText(file)).toBe('ä'.repeat(512 * 1024))
    writeFileSync(file, 'x'.repeat(1024 * 1024 + 1))
    await expect(readText(file)).rejects.toMatchObject({ code: 'EFBIG' })
  })
})
