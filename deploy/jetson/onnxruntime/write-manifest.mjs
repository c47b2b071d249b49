// Writes FOLDER/manifest.json over all other files of the folder: what `painlens provider install` holds them against.
// usage: node write-manifest.mjs FOLDER NAME=VALUE…
import { createHash } from 'node:crypto'
import { createReadStream, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [folder, ...pairs] = process.argv.slice(2)
const given = Object.fromEntries(pairs.map((pair) => pair.split(/=(.*)/s, 2)))
const list = (text) => (text ? text.split(/[ ,;]+/) : [])

const files = {}
for (const name of readdirSync(folder).sort()) {
  if (name === 'manifest.json') continue
  const path = join(folder, name)
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece)
  files[name] = { size: statSync(path).size, sha256: hash.digest('hex') }
}

const manifest = {
  format: 1,
  onnxruntime: given.onnxruntime,
  napi: Number(given.napi),
  platform: 'linux',
  arch: given.arch,
  providers: list(given.providers),
  cuda: given.cuda || null,
  cuda_architectures: list(given.cuda_architectures),
  cudnn: given.cudnn || null,
  tensorrt: given.tensorrt || null,
  jetpack: given.jetpack || null,
  built: new Date().toISOString(),
  files
}
writeFileSync(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)
