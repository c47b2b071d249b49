import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modelsListCommand } from '../../../src/commands/models/index.js'
import { modelsQuantiseCommand } from '../../../src/commands/models/quantise.js'
import { packageRoot } from '../../../src/core/version.js'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import { readModel } from '../../../src/lib/onnx/index.js'
import { quantisedDemo, writeCrops } from '../../support/quantised-model.js'
import { until } from '../../support/slowness.js'
import { writeTinyModel } from '../../support/tiny-model.js'

let folder: string
let crops: string
const demo = join(packageRoot, 'models/pain-demo.yaml')
const never = new AbortController().signal
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'painlens-quantise-'))
  await quantisedDemo(folder)
  crops = join(folder, 'crops')
})
afterAll(() => rm(folder, { recursive: true }))

const quantise = (changes: Partial<Parameters<typeof modelsQuantiseCommand>[0]>, signal = never) =>
  modelsQuantiseCommand({ manifest: demo, crops, out: join(folder, 'again.yaml'), force: false, ...changes }, signal)

describe('painlens models quantise', () => {
  it('writes a quarter of the file, with weights of 7 bits, and a manifest that names both files and keeps the rest', async () => {
    const [old, found] = [await loadManifest(demo), await loadManifest(join(folder, 'quick.yaml'))]
    expect(found).toEqual({ ...old, path: join(folder, 'quick.yaml'), int8: found.int8 })
    const text = await readFile(join(folder, 'quick.yaml'), 'utf8')
    expect(text).toMatch(/int8:\n {2}file: quick\.onnx\n {2}sha256: [0-9a-f]{64}\n/)
    const { graph } = await readModel(found.int8!.file)
    const weights = [...graph.initializers.values()].filter(({ type, dims }) => type === 'int8' && dims.length > 1)
    expect(weights.length).toBeGreaterThan(2)
    for (const { data } of weights) {
      const largest = new Int8Array(data.buffer, data.byteOffset, data.byteLength).reduce(
        (a, b) => Math.max(a, Math.abs(b)),
        0
      )
      expect(largest).toBe(64)
    }
    const size = async (file: string) => (await readFile(file)).length
    expect((await size(found.int8!.file)) / (await size(old.file))).toBeLessThan(0.4)
  })

  it('shows the int8 file in the list of models, and a damaged one as wrong', async () => {
    const said: string[] = []
    expect(await modelsListCommand({}, folder, (text) => void said.push(text))).toBe(0)
    expect(said.join('')).toMatch(/int8: .*quick\.onnx, hash as in the manifest/)
    const other = join(folder, 'damaged')
    await mkdir(other)
    await writeFile(join(other, 'quick.onnx'), 'x')
    await writeFile(
      join(other, 'quick.yaml'),
      (await readFile(join(folder, 'quick.yaml'), 'utf8')).replace(
        /^file: .*/m,
        `file: ${(await loadManifest(demo)).file}`
      )
    )
    said.length = 0
    expect(await modelsListCommand({}, other, (text) => void said.push(text))).toBe(1)
    expect(said.join('')).toMatch(/quick\.onnx: its SHA-256 is/)
  })

  it('refuses a folder without crops, with too few, and with files that are none, and writes nothing', async () => {
    const empty = join(folder, 'empty')
    await mkdir(empty)
    await expect(quantise({ crops: empty })).rejects.toThrow(/it holds no picture that can be read, and 16 are needed/)
    for (let i = 0; i < 20; i++) await writeFile(join(empty, `${i}.png`), 'no picture')
    await expect(quantise({ crops: empty })).rejects.toMatchObject({ code: 'PL-QUANTISE-CROPS' })
    const few = await writeCrops(join(folder, 'few'), 3)
    await expect(quantise({ crops: few })).rejects.toThrow(/it holds only 3 pictures that can be read/)
    await expect(quantise({ crops: join(folder, 'nowhere') })).rejects.toMatchObject({ code: 'PL-QUANTISE-CROPS' })
    await expect(quantise({ crops: undefined })).rejects.toMatchObject({ code: 'PL-OPTION-VALUE' })
    expect((await readdir(folder)).filter((name) => name.startsWith('again'))).toEqual([])
  })

  it('refuses a model without a layer that can be quantised, and one that is in int8 already, and names the node', async () => {
    const tiny = await writeTinyModel(await mkdtemp(join(folder, 'tiny-')))
    await expect(quantise({ manifest: tiny })).rejects.toThrow(
      /no layer of it can be computed in 8 bits \(node "fc.*" \(Gemm\): it is the last layer\)/
    )
    const own = await mkdtemp(join(folder, 'int8-'))
    const found = await loadManifest(join(folder, 'quick.yaml'))
    const text = (await readFile(join(folder, 'quick.yaml'), 'utf8'))
      .replace(/^file: .*/m, `file: ${found.int8!.file}`)
      .replace(/^sha256: .*/m, `sha256: ${found.int8!.sha256}`)
    await writeFile(join(own, 'model.yaml'), text)
    await expect(quantise({ manifest: join(own, 'model.yaml') })).rejects.toThrow(
      /it is quantised already, at node ".*" \((De)?[qQ]uantizeLinear\)/
    )
  })

  it('overwrites nothing unless told to, and never the model itself', async () => {
    await expect(quantise({ out: join(folder, 'quick.yaml') })).rejects.toMatchObject({ code: 'PL-QUANTISE-EXISTS' })
    await expect(quantise({ out: demo, force: true })).rejects.toThrow(/it is what is quantised/)
    expect(await quantise({ out: join(folder, 'quick.yaml'), force: true })).toBe(0)
    await symlink(packageRoot, join(folder, 'link'))
    await expect(quantise({ out: join(folder, 'link/models/pain-demo.yaml'), force: true })).rejects.toThrow(
      /it is what is quantised/
    )
  })

  it('refuses a manifest that could not be written before it reads any crop', async () => {
    const refusal = (out: string) => quantise({ crops: join(folder, 'nowhere'), out, force: true })
    await expect(refusal(join(folder, 'model.onnx'))).rejects.toThrow(/does not end in \.yaml/)
    await expect(refusal(join(folder, 'missing/x.yaml'))).rejects.toMatchObject({ code: 'PL-MODEL-UNWRITABLE' })
    // What is put in its place would be a file: a folder here, where a device may be.
    await mkdir(join(folder, 'taken.yaml'))
    await mkdir(join(folder, 'taken-model.onnx'))
    for (const out of ['taken.yaml', 'taken-model.yaml'])
      await expect(refusal(join(folder, out))).rejects.toThrow(/it is no regular file/)
  })

  it('writes nothing from pictures that are no faces, although both agree on them', async () => {
    const grey = join(folder, 'grey')
    await mkdir(grey)
    const picture = sharp({ create: { width: 64, height: 64, channels: 3, background: 'grey' } })
    for (let i = 0; i < 16; i++) await picture.clone().toFile(join(grey, `${i}.png`))
    await expect(quantise({ crops: grey })).rejects.toThrow(
      /on faces that painlens draws at each start int8 judges otherwise than float32/
    )
    expect((await readdir(folder)).filter((name) => name.includes('again'))).toEqual([])
  })

  it('leaves the result of another run that was there first', async () => {
    const own = await mkdtemp(join(folder, 'twice-'))
    const out = join(own, 'x.yaml')
    const refused = expect(quantise({ out })).rejects.toThrow(/there is a file already/)
    await until(
      async () => (await readdir(own)).some((name) => name.endsWith('.part')),
      'the file that is being proved'
    )
    await writeFile(out, 'of the other run')
    await refused
    expect(await readdir(own)).toEqual(['x.yaml'])
    expect(await readFile(out, 'utf8')).toBe('of the other run')
  })

  it('leaves no file where it is stopped', async () => {
    const stopping = new AbortController()
    const running = quantise({}, stopping.signal)
    stopping.abort(new Error('stopped'))
    await expect(running).rejects.toThrow('stopped')
    expect((await readdir(folder)).filter((name) => name.includes('again'))).toEqual([])
  })
})
