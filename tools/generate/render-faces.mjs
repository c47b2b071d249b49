#!/usr/bin/env node
// Renders faces for trying things out, laid out as data sets are: DIR/pain/1.png, DIR/disgust/1.png and so on.
// node tools/generate/render-faces.mjs DIR [how many of each label]
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { createRandom } from '../../dist/lib/random.js'
import { createIdentity, expressionUnits, renderPortrait } from '../../dist/show/render/index.js'

const [folder, count = '1'] = process.argv.slice(2)
if (!folder || !(Number(count) >= 1)) {
  process.stderr.write('usage: node tools/generate/render-faces.mjs DIR [how many of each label]\n')
  process.exit(2)
}
// Faces that the demonstration model was not trained on.
let seed = 500_000
for (let i = 1; i <= Number(count); i++) {
  for (const expression of ['pain', 'disgust', 'happiness']) {
    const units = expressionUnits(expression, 0.9, createRandom(seed))
    const { data, width, height } = await renderPortrait({ identity: createIdentity(seed++), units, faceSize: 180 })
    mkdirSync(join(folder, expression), { recursive: true })
    const raw = { width, height, channels: 3 }
    await sharp(data, { raw })
      .png()
      .toFile(join(folder, expression, `${i}.png`))
  }
}
