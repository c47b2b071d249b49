// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the config's placeholders look so
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config/index.js'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-encoding-'))
  file = join(folder, 'painlens.yaml')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const text = (password: string, cameras = '[{ id: a, url: "rtsp://h/1" }]'): string =>
  `device: d\nmqtt: { url: "mqtt://h", username: u, password: "${password}" }\ncameras: ${cameras}\n`

const problem = async (config: string | Buffer): Promise<string> => {
  writeFileSync(file, config)
  return loadConfig(file, { env: {} }).then(
    () => 'none',
    (error: Error) => error.message
  )
}

describe("a password's file", () => {
  it.each([
    ['a byte order mark', Buffer.from('\ufeffhunter2-hunter2\n'), /begins with a byte order mark.*sed -i/],
    ['UTF-16', Buffer.from('hunter2-hunter2\n', 'utf16le'), /UTF-16.*iconv/],
    ['Latin-1', Buffer.from('hunter2-hünter2', 'latin1'), /not UTF-8.*iconv -f LATIN1/],
    ['nothing in it', Buffer.from(''), /it is empty; write the value into it/],
    ['a line end only', Buffer.from('\n'), /it is empty/]
  ])('with %s is named with the remedy, and nothing of its content', async (_, content, wanted) => {
    writeFileSync(join(folder, 'secret'), content)
    const said = await problem(text('${file:secret}'))
    expect(said).toMatch(wanted)
    expect(said).toContain(join(folder, 'secret'))
    expect(said).toContain('[PL-CONFIG-SECRET-FILE]')
    expect(said).not.toMatch(/hunter/)
  })

  it('of a placeholder without its } is not taken for the password', async () => {
    expect(await problem(text('${file:secret'))).toMatch(
      /2:.* mqtt\.password: found \$\{file: without its \}.*close it/
    )
    expect(await problem(text('${env:A}${credential:b'))).toMatch(/found \$\{credential: without its \}/)
  })
})

describe('the config itself', () => {
  it('in UTF-16 is said to be that, with the command that converts it', async () => {
    expect(await problem(Buffer.from(`\ufeff${text('x')}`, 'utf16le'))).toMatch(/it is UTF-16, or no text.*iconv/)
    expect(await problem(Buffer.from(`\ufeff${text('x')}`))).toBe('none')
  })

  it('with an empty list of cameras, or .nan, is told in the words of YAML', async () => {
    expect(await problem(text('x', '[]'))).toMatch(
      /cameras: found an empty list, allowed is a list with at least one item/
    )
    expect(await problem(`${text('x')}alarm: { onset_s: .nan }`)).toMatch(
      /alarm\.onset_s: found "?\.nan"?, allowed is a number/
    )
    expect(await problem(`${text('x')}alarm: { onset_s: -.inf }`)).toMatch(
      /alarm\.onset_s: found "?-\.inf"?, allowed is a number/
    )
  })
})
