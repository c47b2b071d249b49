/** What ships is laid out in a folder of its own, and each command is run from there: nothing of a checkout is around. */
import { execFile, execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { connect } from 'mqtt'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { commandTable } from '../../src/commands/table.js'
import { silentLog } from '../../src/core/log.js'
import { packageRoot } from '../../src/core/version.js'
import { createIdentity, renderPortrait } from '../../src/show/render/index.js'
import { startSimulation } from '../../src/show/simulate/simulate.js'
import { openAlarmLog } from '../../src/stages/alarm-log/index.js'
import { withoutNamespaces } from '../provider/rig.js'
import { alarm } from '../stages/mqtt/rig.js'
import { writeBase, writeData } from '../study/rig.js'
import { holdToContract, kindOf } from '../support/contract.js'
import { commandLine, descendants, isRunning } from '../support/daemon.js'
import { freePort, type Mosquitto, startMosquitto } from '../support/mosquitto.js'
import { writeCrops } from '../support/quantised-model.js'
import { patience, until } from '../support/slowness.js'

const run = promisify(execFile)
const minutes = patience(60_000)
/** The most that the packages of a release may take, in MB. */
const mostMegabytes = 130

let folder: string
let bin: string
let release: string
let broker: Mosquitto
const inRelease = (...path: string[]) => join(release, ...path)
const inFolder = (...path: string[]) => join(folder, ...path)

const stage = (kind: string, to: string) =>
  run(process.execPath, [join(packageRoot, 'deploy/pack/stage.mjs'), '--kind', kind, '--to', to])

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-ships-'))
  // For the user that a provider's code is tried as.
  chmodSync(folder, 0o755)
  bin = withoutNamespaces(folder)
  release = inFolder('painlens')
  broker = await startMosquitto()
  await stage('release', release)
  const { data, width, height } = await renderPortrait({ identity: createIdentity(12), units: {}, faceSize: 150 })
  mkdirSync(inFolder('pictures', 'pain'), { recursive: true })
  await sharp(data, { raw: { width, height, channels: 3 } }).toFile(inFolder('pictures', 'pain', 'face.png'))
  const log = openAlarmLog({ path: inFolder('alarms'), maxBytes: 1e6, encode: JSON.stringify, log: silentLog })
  log.append(alarm('p', 0))
  await log.close()
  const camera = '{ id: room-12, url: "rtsp://127.0.0.1:1/bed" }'
  const places = 'outbox: { path: outbox }\nalarm_log: { path: alarms }\nhttp: { enabled: false }\n'
  writeFileSync(inFolder('painlens.yaml'), `device: d\nmqtt: { url: "${broker.url}" }\ncameras: [${camera}]\n${places}`)
}, 2 * minutes)
afterAll(async () => {
  await broker.remove()
  rmSync(folder, { recursive: true })
})

/** As a box would start it: no variable of this checkout, no folder of it. */
const outside = () => ({
  cwd: folder,
  env: { PATH: `${bin}${delimiter}${process.env.PATH}`, HOME: folder, NO_COLOR: '1' }
})

async function painlens(words: readonly string[]): Promise<{ status: number; output: string }> {
  const outcome = run(process.execPath, [inRelease('dist/main.js'), ...words], { ...outside(), maxBuffer: 2 ** 24 })
  const { status, stdout, stderr } = await outcome.then(
    (said) => ({ status: 0, ...said }),
    ({ code, stdout, stderr }) => ({ status: code as number, stdout, stderr })
  )
  return { status, output: stdout + stderr }
}

/** Packs this machine's own ONNX Runtime as an archive of a provider. */
async function providerArchive(): Promise<string> {
  const files = inRelease('node_modules/onnxruntime-node/bin/napi-v6/linux', process.arch)
  await run(inRelease('deploy/jetson/onnxruntime/build.sh'), ['--pack', files, '--out', folder])
  return inFolder(readdirSync(folder).find((name) => name.endsWith('.tar.gz'))!)
}

/** Runs the daemon until it is online, and ends it. */
async function runForAMoment(): Promise<void> {
  const words = [inRelease('dist/main.js'), 'run', '-c', 'painlens.yaml']
  const child = spawn(process.execPath, words, { ...outside(), stdio: ['ignore', 'ignore', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let log = ''
  child.stderr!.on('data', (chunk) => (log += String(chunk)))
  await until(() => log.includes('painlens runs') || child.exitCode !== null, 'the daemon', 120_000)
  const ended = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  expect(await ended, log).toBe(0)
}

/** Needs the decoder, the face models, sharp and the fonts. */
async function takeSnapshot(): Promise<void> {
  const simulation = await startSimulation({ width: 640, height: 360, log: silentLog })
  onTestFinished(() => simulation.stop())
  const config = readFileSync(inFolder('painlens.yaml'), 'utf8').replace('rtsp://127.0.0.1:1/bed', simulation.url)
  writeFileSync(inFolder('room.yaml'), config)
  const { status, output } = await painlens(['snapshot', 'room-12', '-c', 'room.yaml', '--out', 'room.png'])
  expect(output).toMatch(/room\.png of room-12, [\s\S]* 1: usable; \d+ px wide/)
  expect(status).toBe(0)
  expect((await sharp(inFolder('room.png')).metadata()).width).toBe(1280)
}

/** The topics of all that the demo's daemon publishes; each message is held to the contract. */
function hear(url: string): Set<string> {
  const client = connect(url, { reconnectPeriod: 100 })
  onTestFinished(() => client.endAsync(true))
  client.on('error', () => undefined)
  holdToContract(client)
  const topics = new Set<string>()
  client.on('message', (topic) => topics.add(topic))
  client.on('connect', () => client.subscribe('painlens/#', { qos: 1 }))
  return topics
}

/** One explained alarm for the scripted pain, and no process left. */
async function wholeDemo(): Promise<void> {
  const port = await freePort()
  // The first pain is over, with its alarm, 45 s after the daemon has begun to look.
  const demo = painlens(['demo', '--seconds', '50', '--mqtt-port', String(port)])
  const topics = hear(`mqtt://127.0.0.1:${port}`)
  await until(() => topics.size > 0, 'the daemon to be online', 60_000)
  // In process groups of their own, but still descendants: the demo, the camera and its FFmpeg, the daemon.
  const members = descendants(process.pid).filter((pid) => commandLine(pid).includes(release))
  expect(members.length).toBeGreaterThanOrEqual(3)
  const { status, output } = await demo
  expect(status, output).toBe(0)
  expect(members.filter(isRunning)).toEqual([])
  const told = ['status', 'health', 'cameraState', 'observation', 'alarm', 'explanation']
  expect([...topics].map(kindOf)).toEqual(expect.arrayContaining(told))
  expect(output).toContain('ALARM: Pain suspected')
  expect(output).toMatch(/why +The model's impression of pain/)
  expect(output).toMatch(/warum +Der Eindruck von Schmerz/)
  expect(output).toMatch(/over after \d+ s/)
  expect(output).toContain('Each scripted pain gave exactly one explained alarm, and nothing else did.')
  const heatmaps = /heatmaps +(\S+)/.exec(output)![1]!
  expect(readdirSync(heatmaps).filter((name) => name.endsWith('heatmap.png')).length).toBeGreaterThan(0)
}

interface MainPath {
  words: () => string[] | Promise<string[]>
  status?: number
  says: RegExp
}

/** Each command as it is mostly used; in this order, since some need what others have made. */
const mainPaths: Record<string, MainPath | (() => Promise<void>)> = {
  'config init': {
    words: () => ['config', 'init', '--yes', '--config', 'new.yaml', '--camera', 'bed=rtsp://192.0.2.10/stream1'],
    says: /new\.yaml/
  },
  check: {
    words: () => ['check', '-c', 'painlens.yaml'],
    status: 1,
    says: /\[ ok \] face models[\s\S]*\[ ok \] broker/
  },
  explain: {
    words: () => ['explain', 'pictures', '--composite', 'all', '--out', 'explained'],
    says: /face\.png/
  },
  'explain with tfjs': {
    words: () => ['explain', 'pictures', '--engine', 'tfjs', '--composite', 'lrp.z', '--out', 'tfjs'],
    says: /face\.png/
  },
  'explain --check': {
    words: () => ['explain', 'pictures', '--composite', 'lrp.z', '--check', '--out', 'checked'],
    says: /lrp\.z/
  },
  simulate: { words: () => ['simulate', '--seconds', '2', '--rtsp-port', '0'], says: /serves at rtsp:/ },
  demo: wholeDemo,
  run: runForAMoment,
  snapshot: takeSnapshot,
  reference: {
    words: () => ['reference', 'bed', '-c', 'painlens.yaml'],
    status: 1,
    says: /Looking at camera bed for 30 s[\s\S]*PL-REFERENCE-NOT-RUNNING/
  },
  'cameras find': { words: () => ['cameras', 'find', '--json'], says: /^\[[\s\S]*Asking the network for cameras/ },
  alarms: { words: () => ['alarms', '-c', 'painlens.yaml'], says: /one alarm, 1 without an end/ },
  backup: {
    words: () => ['backup', 'box.backup', '-c', 'painlens.yaml'],
    says: /box\.backup: config\.yaml, outbox\.jsonl/
  },
  restore: { words: () => ['restore', 'box.backup', '-c', 'painlens.yaml'], says: /restored from the backup of d/ },
  'study prepare': {
    words: () => {
      writeFileSync(inFolder('table.csv'), 'file,subject,label\npictures/pain/face.png,s1,pain\n')
      return ['study', 'prepare', '--table', 'table.csv', '--size', '64', '--out', 'prepared']
    },
    says: /1 crops of 1 subjects/
  },
  'study train': {
    words: async () => {
      await writeData(inFolder('study-data'), { subjects: 4, crops: 1 })
      // Smaller than the demonstration model, which a report explains some hundred times.
      const base = await writeBase(folder)
      return ['study', 'train', 'study-data', '--base', base, '--out', 'study-run', '--folds', '2', '--epochs', '1']
    },
    says: /final\/model\.yaml/
  },
  // Behind study train, whose folders it reads.
  'study evaluate': {
    words: () => ['study', 'evaluate', 'study-data', '--run', 'study-run', '--repetitions', '100'],
    says: /each judged by a model that never saw its subject[\s\S]*not measurable with these data/
  },
  // Behind study train as well; the report needs the face models, Plot's document and the fonts.
  'study report': {
    words: () => {
      const few = ['--pictures', '2', '--faces', '2', '--composite', 'lrp.z', '--repetitions', '100']
      return ['study', 'report', 'study-run', '--out', 'study-report', ...few]
    },
    says: /study-report\/report\.html/
  },
  forget: { words: () => ['forget', 'gone', '-c', 'painlens.yaml'], says: /retains nothing below painlens\/gone/ },
  'models list': { words: () => ['models', 'list'], says: /pain-demo[\s\S]*hash as in the manifest/ },
  'models quantise': {
    words: async () => {
      const crops = await writeCrops(folder)
      return ['models', 'quantise', inRelease('models/pain-demo.yaml'), '--crops', crops, '--out', 'quick.yaml']
    },
    says: /quick\.yaml: differences of/
  },
  'provider status': { words: () => ['provider', 'status'], says: /^in place: .*ONNX Runtime/m },
  'provider install': {
    words: async () => ['provider', 'install', await providerArchive()],
    says: /in place/
  },
  'provider rollback': { words: () => ['provider', 'rollback'], says: /in place/ }
}

const commands = commandTable
  .filter(({ run }) => run)
  .map(({ usage, parent }) => [parent, usage.split(' ')[0]].filter(Boolean).join(' '))

const filesBelow = (at: string): string[] =>
  readdirSync(at, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(at.length + 1))

describe('a release', () => {
  it('contains nothing for developers and no package that painlens does not need', () => {
    const files = filesBelow(release)
    expect(
      files.filter((file) => /\.([cm]?tsx?|map|tsbuildinfo)$|(^|\/)(src|tools|test)\//.test(file) && !inPackage(file))
    ).toEqual([])
    expect(files.filter((file) => /\.([cm]?tsx?|map)$/.test(file))).toEqual([])
    const gone = [
      '@tensorflow/tfjs-node',
      '@tensorflow/tfjs',
      'tar',
      'yargs',
      '@mapbox',
      'vitest',
      'typescript',
      '@types'
    ]
    expect(gone.filter((name) => existsSync(inRelease('node_modules', name)))).toEqual([])
    expect(readdirSync(inRelease('node_modules/onnxruntime-node/bin/napi-v6'))).toEqual(['linux'])
    expect(readdirSync(inRelease('node_modules/onnxruntime-node/bin/napi-v6/linux'))).toEqual([process.arch])
  })

  it(`the packages of a release take at most ${mostMegabytes} MB`, () => {
    const kilobytes = Number(
      execFileSync('du', ['-sk', inRelease('node_modules')])
        .toString()
        .split('\t')[0]
    )
    expect(kilobytes / 1024).toBeLessThan(mostMegabytes)
  })

  it('every file and package that a file of the release imports is in it', () => {
    const specifier =
      /(?:(?<![-\w])from|\bimport\(|\bimport|\brequirePackage\(|workerScript\([^,]+,|new URL\()\s*['"]([^'"]+)['"]/g
    const missing = filesBelow(inRelease('dist'))
      .filter((file) => file.endsWith('.js'))
      .flatMap((file) => {
        const path = inRelease('dist', file)
        const found = [...readFileSync(path, 'utf8').matchAll(specifier)].map(([, name]) => name!)
        return found.filter((name) => !canImport(path, name)).map((name) => `${file} imports ${name}`)
      })
    expect(missing).toEqual([])
  })

  it('THIRD-PARTY-NOTICES has every package with the text of its licence', () => {
    const notices = noticesIn(release)
    const shipped = filesBelow(inRelease('node_modules'))
      .filter((file) => file.endsWith('package.json'))
      .map((file) => JSON.parse(readFileSync(inRelease('node_modules', file), 'utf8')) as Record<string, string>)
      .filter(({ name, version }) => name && version)
      .map(({ name, version }) => `${name} ${version}`)
    expect(shipped.length).toBeGreaterThan(100)
    expect(shipped.filter((title) => (notices.get(title)?.length ?? 0) < 300)).toEqual([])
    expect(notices.get(titleOf(notices, '@img/sharp-libvips-'))).toMatch(/GNU LESSER GENERAL PUBLIC LICENSE/)
    expect(notices.get(titleOf(notices, '@fontsource/lato '))).toMatch(/SIL OPEN FONT LICENSE/i)
    expect(notices.get(titleOf(notices, 'tr46 '))).toMatch(/Sebastian Mayr[\s\S]*Permission is hereby granted/)
    for (const name of ['@vladmandic/face-api ', 'preact ']) expect(titleOf(notices, name)).toBeDefined()
    const filledIn = ['tr46 ', 'seedrandom ', 'abstract-logging ', 'onnxruntime-node ']
    for (const name of filledIn) expect(notices.get(titleOf(notices, name))).not.toMatch(/<(year|copyright|owner)/)
  })
})

const inPackage = (file: string) => file.startsWith('node_modules/')

function canImport(from: string, name: string): boolean {
  if (name.startsWith('.')) return existsSync(join(dirname(from), name))
  if (isBuiltin(name)) return true
  try {
    return createRequire(from).resolve(name).startsWith(release)
  } catch {
    return false
  }
}

/** The parts of the file, by name and version. */
function noticesIn(at: string): Map<string, string> {
  const parts = readFileSync(join(at, 'THIRD-PARTY-NOTICES'), 'utf8')
    .split(/\n={100}\n/)
    .slice(1)
  return new Map(parts.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n\n') + 2)]))
}

const titleOf = (notices: Map<string, string>, start: string) =>
  [...notices.keys()].find((title) => title.startsWith(start))!

describe('laying out what ships', () => {
  it('an image gets the same files as a release, without installer and documentation', async () => {
    const image = inFolder('image')
    await stage('image', image)
    const apart = filesBelow(release).filter((file) => !existsSync(join(image, file)))
    expect([...new Set(apart.map((file) => file.split('/')[0]))].sort()).toEqual([
      'CHANGELOG.md',
      'README.md',
      'deploy',
      'docs'
    ])
    expect(filesBelow(image).filter((file) => !existsSync(inRelease(file)))).toEqual(['deploy/docker/healthcheck.mjs'])
    expect(statSync(join(image, 'dist/main.js')).mode & 0o777).toBe(0o755)
  })

  it('a folder that is not empty, and an unknown kind, are refused', async () => {
    await expect(stage('release', release)).rejects.toThrow(/not empty/)
    await expect(stage('phone', inFolder('phone'))).rejects.toMatchObject({ code: 2 })
  })
})

it('no file that ships imports a package that does not ship', () => {
  const { dependencies } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const optional = ['@tensorflow/tfjs-node']
  // Vite compiles what the page's browser side imports into it.
  const ships = (file: string): boolean => !file.endsWith('.d.ts') && !file.startsWith('page/web/')
  const sources = filesBelow(join(packageRoot, 'src')).filter(ships)
  const wrong = sources.flatMap((file) => {
    const text = readFileSync(join(packageRoot, 'src', file), 'utf8')
    const names = [...text.matchAll(/(?:(?<![-\w])from|\bimport\(|\bimport) ?'([^'.#\n][^'\n]*)'/g)].map(
      ([, name]) => name!
    )
    const packages = names.map((name) =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/')
    )
    return packages
      .filter((name) => !isBuiltin(name) && !(name in dependencies) && !optional.includes(name))
      .map((name) => `${file} imports ${name}`)
  })
  expect(wrong).toEqual([])
})

// Last, since installing a provider changes the tree.
describe('the packed tree:', () => {
  it('the tests of the packed tree run every command of the table', () => {
    expect(commands.filter((command) => !(command in mainPaths))).toEqual([])
  })

  // Each has its text from one table, which loads no command (docs/operate/commands.md has them all).
  it.each(['', 'study', 'study prepare'])('painlens %s --help', async (command) => {
    const { status, output } = await painlens([...command.split(' ').filter(Boolean), '--help'])
    expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining('Usage: painlens') })
  })

  it.each(Object.entries(mainPaths))(
    'painlens %s',
    async (_, path) => {
      if (typeof path === 'function') return await path()
      const { status, output } = await painlens(await path.words())
      expect(output).toMatch(path.says)
      expect(output).not.toMatch(/unexpected|Cannot find|ERR_|\n {4}at /)
      expect(status, output).toBe(path.status ?? 0)
    },
    5 * minutes
  )
})
