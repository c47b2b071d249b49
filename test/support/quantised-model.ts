import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { modelsQuantiseCommand } from '../../src/commands/models/quantise.js'
import { packageRoot } from '../../src/core/version.js'
import { proofCrops } from '../../src/daemon/wiring/drawn-faces.js'
import { loadManifest } from '../../src/lib/model/load-manifest.js'
import type { Manifest } from '../../src/lib/model/manifest.js'

const demo = join(packageRoot, 'models/pain-demo.yaml')
const never = new AbortController().signal

/** Drawn faces as crops of the demonstration model, a PNG each. @returns their folder */
export async function writeCrops(folder: string, count = 24): Promise<string> {
  const { input, alignment } = await loadManifest(demo)
  const crops = join(folder, 'crops')
  await mkdir(crops, { recursive: true })
  const faces = await proofCrops({ input, alignment })
  const raw = { width: input.width, height: input.height, channels: 3 } as const
  for (const [i, data] of faces.slice(0, count).entries()) await sharp(data, { raw }).toFile(join(crops, `${i}.png`))
  return crops
}

/** The demonstration model with its int8 file, made by `painlens models quantise` of drawn faces. */
export async function quantisedDemo(folder: string): Promise<Manifest> {
  const out = join(folder, 'quick.yaml')
  const crops = await writeCrops(folder)
  await modelsQuantiseCommand({ manifest: demo, crops, out, force: false }, never)
  return loadManifest(out)
}
