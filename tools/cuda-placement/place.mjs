#!/usr/bin/env node
// Where would ONNX Runtime's CUDA provider run each node? Asks the provider itself, on a machine without a GPU: its library,
// built for exactly our version, comes from npm (180 MB), and a stand-in for the CUDA runtime lets it open sessions.
// usage: node tools/cuda-placement/place.mjs [FILE.onnx …]      needs x86-64 Linux, gcc and nm; run `npm run build` before
// Without files: the face models, the demonstration model, and its LRP graph under every composite.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const providers = 'com.github.asus4.onnxruntime.linux-x64-gpu@0.4.9' // of ONNX Runtime 1.29.0, for CUDA 13
const folder = mkdtempSync(join(tmpdir(), 'painlens-placement-'))
try {
  const runtime = installProvider()
  buildStandIn(join(runtime, 'libonnxruntime_providers_cuda.so'))
  const files = process.argv.length > 2 ? process.argv.slice(2) : await ownGraphs()
  process.exitCode = files.map(place).some((fine) => !fine) ? 1 : 0
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** onnxruntime-node with the provider's libraries beside its own. @returns their folder */
function installProvider() {
  const own = join(folder, 'node_modules/onnxruntime-node')
  cpSync(join(root, 'node_modules/onnxruntime-node'), own, { recursive: true, dereference: true })
  cpSync(join(root, 'node_modules/onnxruntime-common'), join(folder, 'node_modules/onnxruntime-common'), {
    recursive: true,
    dereference: true
  })
  execFileSync('npm', ['pack', '--silent', providers], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  const [archive] = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  execFileSync('tar', ['xzf', archive], { cwd: folder })
  const libraries = join(own, 'bin/napi-v6/linux/x64')
  for (const name of readdirSync(join(folder, 'package'), { recursive: true }))
    if (name.endsWith('.so')) cpSync(join(folder, 'package', name), join(libraries, basename(name)))
  return libraries
}

/** A library for each that the provider names, with every symbol that it asks of it. */
function buildStandIn(provider) {
  const symbols = execFileSync('nm', ['-D', '--undefined-only', provider], { encoding: 'utf8', maxBuffer: 1e8 })
  const source = readFileSync(new URL('stand-in.c', import.meta.url), 'utf8')
  for (const library of [
    'libcudart.so.13',
    'libcublas.so.13',
    'libcublasLt.so.13',
    'libcurand.so.10',
    'libcuda.so.1'
  ]) {
    const wanted = symbols
      .split('\n')
      .flatMap((line) => (line.endsWith(`@${library}`) ? [line.trim().split(/[ @]/).at(-2)] : []))
    const missing = wanted.filter((name) => !source.includes(` ${name}(`) && !source.includes(`*${name}(`))
    const file = join(folder, `${library}.c`)
    writeFileSync(file, `${source}\n${missing.map((name) => `int ${name}() { return 0; }`).join('\n')}\n`)
    writeFileSync(join(folder, 'version.map'), `${library} { global: *; };\n`)
    const map = `-Wl,--version-script=${join(folder, 'version.map')}`
    execFileSync('gcc', ['-shared', '-fPIC', '-w', '-o', join(folder, library), file, `-Wl,-soname,${library}`, map])
  }
}

async function ownGraphs() {
  const { encodeModel, readModel } = await import('../../dist/lib/onnx/index.js')
  const { compositeNames, compositeOf, layerGraphOf, lrpModelOf } = await import('../../dist/lib/lrp/index.js')
  const demo = join(root, 'models/pain-demo.onnx')
  const graph = layerGraphOf(await readModel(demo))
  mkdirSync(join(folder, 'graphs'))
  const explained = compositeNames.map((name) => {
    const options = {
      ...(name.includes('until') && { untilLayerIdx: 1 }),
      ...(name.startsWith('lrp.alpha_beta') && { alpha: 1.5, beta: 0.5 })
    }
    const file = join(folder, 'graphs', `${name}.onnx`)
    writeFileSync(file, encodeModel(lrpModelOf(graph, compositeOf(name, options), 'comparisons')))
    return file
  })
  return [
    ...['finder', 'detector', 'landmarks'].map((name) => join(root, 'models/face', `${name}.onnx`)),
    demo,
    ...explained
  ]
}

/** Prints where a model's nodes are. @returns whether all are on the GPU */
function place(file) {
  const script = `require(${JSON.stringify(join(folder, 'node_modules/onnxruntime-node'))}).InferenceSession.create(${JSON.stringify(file)}, {
    executionProviders: ['cuda'], logSeverityLevel: 0, logVerbosityLevel: 1 }).catch((error) => { console.log(error.message); process.exit(1) })`
  const env = {
    ...process.env,
    LD_LIBRARY_PATH: folder,
    ORT_DISABLE_TELEMETRY: '1'
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
    env,
    encoding: 'utf8',
    maxBuffer: 1e9
  })
  if (status !== 0) throw new Error(`${file}: ${stdout.split('\n').at(-2) || stderr}`)
  const log = stdout + stderr
  const on = (provider) =>
    Number(new RegExp(`placed on \\[${provider}\\]. Number of nodes: (\\d+)`).exec(log)?.[1] ?? 0)
  const copies = Number(/(\d+) Memcpy nodes are added/.exec(log)?.[1] ?? 0)
  const [gpu, cpu] = [on('CUDAExecutionProvider'), on('CPUExecutionProvider')]
  const onCpu = log.split('placed on [CPUExecutionProvider]')[1]?.split('placed on [')[0] ?? ''
  const names = [...onCpu.matchAll(/AnEp\]\s+(\w+) \((.*)\)/g)].map(([, operator, name]) => `${name}: ${operator}`)
  const listed = names.length > 0 ? ` (${names.join(', ')})` : ''
  console.log(`${basename(file)}: ${gpu} nodes on CUDA, ${cpu} on the CPU${listed}; ${copies} copies inside`)
  return cpu === 0
}
