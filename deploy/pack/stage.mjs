// Lays out what ships in a new folder, by the list in ships.mjs, from a checkout that was built:
//   node deploy/pack/stage.mjs --kind release|image --to FOLDER [--arch x64|arm64] [--modules FOLDER]
// --modules is the node_modules to take packages from (default: the checkout's); packages for another machine have to be
// installed for it there. Exit codes: 0 done, 1 failed, 2 wrong usage.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { noticesOf } from './notices.mjs'
import { packagesBelow } from './packages.mjs'
import { built, files, kinds, madeFrom, packageFields, trimmed, unread, unshipped } from './ships.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))

function stage({ kind, to, arch, modules }) {
  const missing = built.filter((file) => !existsSync(join(root, file)))
  if (missing.length > 0) throw new Error(`${missing.join(' and ')} missing: run npm run build first.`)
  if (existsSync(to) && readdirSync(to).length > 0) throw new Error(`${to} is not empty.`)
  for (const { path, only, without } of files)
    if (!only || only === kind) copy(join(root, path), join(to, path), path, (file) => !without?.test(file))
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  writeFileSync(join(to, 'package.json'), `${JSON.stringify(shippedManifest(manifest), null, 2)}\n`)
  chmodSync(join(to, manifest.bin.painlens), 0o755)
  const packages = packagesBelow(modules, Object.keys(manifest.dependencies), unshipped)
  for (const { name, folder, place } of packages) copy(folder, join(to, 'node_modules', place), '', keeps(name, arch))
  const others = madeFrom.map((name) => ({ name, folder: join(root, 'node_modules', name) }))
  writeFileSync(join(to, 'THIRD-PARTY-NOTICES'), noticesOf([...packages, ...others]))
}

/** Without what a box never reads, and with no types, since none ship. */
function shippedManifest(manifest) {
  const exports = Object.entries(manifest.exports).map(([name, targets]) => [name, targets.default])
  const kept = packageFields.map((field) => [field, manifest[field]])
  return { ...Object.fromEntries(kept), exports: Object.fromEntries(exports) }
}

/** Which files of a package ship, by their path in it. */
function keeps(name, arch) {
  const wanted = trimmed[name]?.map(({ source }) => new RegExp(source.replaceAll('ARCH', arch)))
  const always = /^(package\.json|(licen[cs]e|copying|notice|copyright)[^/]*)$/i
  return (file) =>
    always.test(file) ||
    (!unread.some((pattern) => pattern.test(file)) && (wanted?.some((one) => one.test(file)) ?? true))
}

/** Copies a file, or of a folder each file for which `keep` says yes to its path behind `name`; packages in it are copied by themselves. */
function copy(from, to, name, keep) {
  if (!statSync(from).isDirectory()) {
    if (!keep(name)) return
    mkdirSync(dirname(to), { recursive: true })
    copyFileSync(from, to)
    chmodSync(to, statSync(from).mode & 0o100 ? 0o755 : 0o644)
    return
  }
  for (const entry of readdirSync(from))
    if (entry !== 'node_modules') copy(join(from, entry), join(to, entry), name ? `${name}/${entry}` : entry, keep)
}

function readOptions() {
  const string = { type: 'string' }
  const { values } = parseArgs({ options: { kind: string, to: string, arch: string, modules: string } })
  const { kind, to, arch = process.arch, modules = join(root, 'node_modules') } = values
  if (!to || !kinds.includes(kind)) throw new TypeError(`--to FOLDER and --kind (${kinds.join(', ')}) are needed`)
  return { kind, to: resolve(to), arch, modules: resolve(modules) }
}

try {
  stage(readOptions())
} catch (error) {
  process.stderr.write(`stage.mjs: ${error.message}\n`)
  process.exit(error instanceof TypeError ? 2 : 1)
}
