#!/usr/bin/env node
// Brings a fresh clone to where `npm run demo` or `npm test` can work, and does nothing where nothing is missing.
// Free of dependencies: it runs before `npm ci`.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Debian's package of a program, where its name differs. */
const packageOf = {
  'systemd-analyze': 'systemd',
  mosquitto_sub: 'mosquitto-clients',
  'qemu-aarch64-static': 'qemu-user-static',
  'gst-launch-1.0': 'gstreamer1.0-tools'
}

/** A package without a program, by an element that it gives GStreamer. */
const elementOf = {
  'gstreamer1.0-plugins-bad': 'h264parse',
  'gstreamer1.0-libav': 'avdec_h264'
}

/** What each purpose needs, in order. */
const purposes = {
  packages: [checkNode, installPackages],
  build: [checkNode, installPackages, build, buildFaceModels],
  demo: [checkNode, installPackages, () => installPrograms(['ffmpeg']), build, buildFaceModels],
  test: [
    checkNode,
    installPackages,
    () =>
      installPrograms([
        ...['ffmpeg', 'mosquitto', 'mosquitto_sub', 'systemd-analyze', 'shellcheck', 'openssl', 'gst-launch-1.0'],
        ...Object.keys(elementOf)
      ]),
    build,
    buildFaceModels
  ],
  arm64: [
    checkNode,
    installPackages,
    () => installPrograms(['ffmpeg', 'debootstrap', 'qemu-aarch64-static']),
    build,
    buildFaceModels
  ],
  containers: [
    checkNode,
    installPackages,
    () => installPrograms(['ffmpeg', 'mosquitto', 'mosquitto_sub', 'openssl', 'buildah', 'debootstrap']),
    build,
    buildFaceModels
  ]
}

const steps = purposes[process.argv[2] ?? 'demo']
if (!steps) fail(`setup.mjs knows ${Object.keys(purposes).join(', ')}, not "${process.argv[2]}".`)
process.chdir(root)
for (const step of steps) await step()

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 9))
    fail(
      `painlens needs Node.js 20.9 or later, this is ${process.versions.node}: install a newer one from https://nodejs.org.`
    )
}

async function installPackages() {
  const wanted = hashOf('package-lock.json')
  const marker = join('node_modules', '.painlens-lock')
  // Written by hand or by a shell, it ends in a line break.
  if (existsSync(marker) && readFileSync(marker, 'utf8').trim() === wanted) return
  // On arm64 the install script of tfjs-node would fetch a libtensorflow 2.7 that was never tried; tfjs computes on wasm there.
  const scripts = process.arch === 'arm64' ? ['--ignore-scripts'] : []
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...scripts]
  await run('Installing packages (a minute or two)', 'npm', args, {
    // The CUDA libraries that its install script would fetch belong onto a Jetson only, where install.sh puts them.
    ONNXRUNTIME_NODE_INSTALL: process.env.ONNXRUNTIME_NODE_INSTALL ?? 'skip'
  })
  writeFileSync(marker, wanted)
}

async function installPrograms(programs) {
  const missing = programs.filter((program) => !isThere(program))
  if (missing.length === 0) return
  const packages = missing.map((program) => packageOf[program] ?? program)
  const command = `apt-get install -y ${packages.join(' ')}`
  const prefix = aptPrefix()
  if (!prefix)
    fail(
      `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing: install with "sudo ${command}" and start again.`
    )
  const [program, ...rest] = [...prefix, 'apt-get']
  const quiet = { DEBIAN_FRONTEND: 'noninteractive' }
  await run('Reading package lists', program, [...rest, 'update', '-qq'], quiet)
  const install = [...rest, 'install', '-y', '-qq', '--no-install-recommends', ...packages]
  await run(`Installing ${missing.join(' and ')}`, program, install, quiet)
}

/** How apt-get can be run without a password: as root, through sudo, or (null) not at all. */
function aptPrefix() {
  if (!isOnPath('apt-get')) return null
  if (process.getuid() === 0) return []
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0
    ? ['sudo', '-n', '--preserve-env=DEBIAN_FRONTEND']
    : null
}

async function build() {
  await run('Building', process.execPath, [join('scripts', 'build.mjs')])
}

/** Leaves alone what is there and right; any other file is written anew. */
async function buildFaceModels() {
  await run('Building the face models', process.execPath, [join('tools', 'dist', 'face-models', 'main.js')])
}

function isThere(program) {
  const element = elementOf[program]
  return element ? spawnSync('gst-inspect-1.0', ['--exists', element]).status === 0 : isOnPath(program)
}

function isOnPath(program) {
  const folders = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`.split(':')
  return folders.some((folder) => existsSync(join(folder, program)))
}

function hashOf(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

/** Runs a program, says how long it has been at it, and shows its output only when it fails. */
function run(what, program, args, env = {}) {
  const startedAt = Date.now()
  const seconds = () => `${Math.round((Date.now() - startedAt) / 1000)} s`
  process.stderr.write(`${what} …\n`)
  const ticker = setInterval(() => process.stderr.write(`  … still at it after ${seconds()}\n`), 15_000)
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = []
  child.stdout.on('data', (chunk) => output.push(chunk))
  child.stderr.on('data', (chunk) => output.push(chunk))
  return new Promise((resolve) => {
    child.on('error', (error) =>
      fail(`${program} could not be started (${error.message}): install it and start again.`)
    )
    child.on('close', (code) => {
      clearInterval(ticker)
      if (code !== 0) {
        process.stderr.write(Buffer.concat(output).toString().split('\n').slice(-40).join('\n'))
        fail(`${what} failed: "${program} ${args.join(' ')}" ended with code ${code}; its last words are above.`)
      }
      process.stderr.write(`  done in ${seconds()}\n`)
      resolve()
    })
  })
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`)
  process.exit(1)
}
