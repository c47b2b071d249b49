import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp, { type OverlayOptions } from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explainCommand } from '../../../src/commands/explain/index.js'
import { packageRoot } from '../../../src/core/version.js'
import { writeRandomVgg } from '../../../src/lib/vgg/index.js'
import { faceModelFolder } from '../../support/face-models.js'
import { patience } from '../../support/slowness.js'

let folder: string
let model: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-bystander-'))
  const small = { input: { width: 64, height: 64 }, blocks: [[4], [4], [4]], dense: [8, 3] }
  model = await writeRandomVgg(small, join(folder, 'small.onnx'), ['pain', 'disgust', 'happiness'], 3)
}, patience(60_000))
afterAll(() => rm(folder, { recursive: true }))

/** The face at the right of face-api's first photograph, and the same under a white oxygen mask with its straps. */
async function faces(): Promise<{ bare: Buffer; masked: Buffer }> {
  const photograph = await sharp(join(packageRoot, 'node_modules/@vladmandic/face-api/demo/sample1.jpg'))
    .resize(1000)
    .toBuffer()
  const mask = `<svg xmlns="http://www.w3.org/2000/svg" width="1000" height="667">
    <ellipse cx="821" cy="193" rx="32" ry="40" fill="#eee" stroke="#9ab" stroke-width="3"/>
    <path d="M763,172 L792,184 M880,172 L850,184" stroke="#bdb" stroke-width="4"/><circle cx="821" cy="209" r="10" fill="#8b9"/></svg>`
  const around = { left: 588, top: 0, width: 412, height: 394 }
  const cut = (picture: Buffer): Promise<Buffer> => sharp(picture).extract(around).resize({ width: 824 }).toBuffer()
  const covered = await sharp(photograph)
    .composite([{ input: Buffer.from(mask) }])
    .png()
    .toBuffer()
  return { bare: await cut(photograph), masked: await cut(covered) }
}

/** A picture with these beside each other, and what `painlens explain` says of it. */
async function saidOf(name: string, parts: readonly Buffer[], which: 'largest' | 'all'): Promise<string[]> {
  const file = join(folder, `${name}.png`)
  const input: OverlayOptions[] = []
  let width = 0
  for (const part of parts) {
    input.push({ input: part, left: width, top: 0 })
    width += (await sharp(part).metadata()).width
  }
  await sharp({ create: { width, height: 800, channels: 3, background: '#543' } })
    .composite(input)
    .png()
    .toFile(file)
  const said: string[] = []
  const output = {
    write: (text: string) => void said.push(text),
    complain: (text: string) => void said.push(text),
    progress: () => undefined
  }
  const options = { images: [file], model, out: join(folder, `${name}-${which}`), faces: which }
  await explainCommand(options, new AbortController().signal, output, faceModelFolder)
  return said.map((line) => line.replaceAll(folder, '…'))
}

describe('painlens explain of a resident under a mask', { timeout: patience(60_000) }, () => {
  it('says that a smaller face beside it is explained in its place, and never calls that one the largest', async () => {
    const { bare, masked } = await faces()
    const visitor = await sharp(bare).resize({ width: 500 }).toBuffer()
    const said = await saidOf('visitor', [masked, visitor], 'largest')
    expect(said[0]).toMatch(
      /^1\/1 …\/visitor\.png: .* \(not the largest of 2 faces but number 2 by size: of the largest, too much of its face is covered\)\. /
    )
    const { face } = JSON.parse(await readFile(join(folder, 'visitor-largest', 'visitor.json'), 'utf8'))
    expect(face).toMatchObject({ faces: 2, number: 2 })
    expect(face.box.x).toBeGreaterThan(824)
  })

  it('numbers faces by all that were found, and says how many cannot be judged', async () => {
    const { bare, masked } = await faces()
    const visitor = await sharp(bare).resize({ width: 500 }).toBuffer()
    const said = await saidOf('three', [masked, visitor, visitor], 'all')
    const lines = said.filter((line) => line.startsWith('1/1'))
    expect(lines).toHaveLength(2)
    for (const line of lines) expect(line).toMatch(/, face [23] of 3: .*\(1 of the 3 cannot be judged\)/)
  })

  it('counts it as one without a usable face, not as unreadable', async () => {
    const { masked } = await faces()
    const said = await saidOf('alone', [masked], 'largest')
    expect(said[0]).toContain('too much of its face is covered')
    expect(said.at(-1)).toMatch(/^0 of 1 explained \(1 without a usable face\)/)
  })
})

describe('painlens explain of an animated picture', { timeout: patience(60_000) }, () => {
  it('explains the first frame, and says in its line and its JSON that there are more', async () => {
    const { bare } = await faces()
    const frame = await sharp(bare).resize(64, 64, { fit: 'fill' }).removeAlpha().raw().toBuffer()
    const film = Buffer.concat([frame, Buffer.alloc(frame.length, 90)])
    const raw = { width: 64, height: 128, channels: 3, pageHeight: 64 } as const
    await sharp(film, { raw }).gif().toFile(join(folder, 'film.gif'))
    const said: string[] = []
    const keep = (text: string) => void said.push(text)
    const output = { write: keep, complain: keep, progress: () => undefined }
    const options = { images: [join(folder, 'film.gif')], model, out: join(folder, 'film'), crop: true }
    expect(await explainCommand(options, new AbortController().signal, output, faceModelFolder)).toBe(0)
    expect(said.find((line) => line.startsWith('1/1'))).toContain('(frame 1 of 2; the others are not looked at)')
    expect(JSON.parse(await readFile(join(folder, 'film', 'film.json'), 'utf8')).frame).toEqual({
      number: 1,
      frames: 2
    })
  })
})
