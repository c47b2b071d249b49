/**
 * `npm run bench [-- NAME…]`: measures without assertions; the names are in the tables below.
 * `npm run bench -- gpu` has options of its own, and a bound (docs/measured/gpu.md); `study` has some, too.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { report } from '#painlens/commands/report.js'
import { packageRoot } from '#painlens/core/version.js'
import { againstTables } from './against.js'
import { batchTable } from './batches.js'
import { decoderTable } from './decoders.js'
import { explanationsReport } from './explanations/index.js'
import { frozenTable } from './frozen.js'
import { gpuCommand } from './gpu.js'
import { latencyTable } from './latency.js'
import { latencyScenes } from './latency-scenes.js'
import { lookTable } from './look.js'
import { lrpTable } from './lrp.js'
import { memoryTable } from './memory.js'
import { demoModel, fullSizeModel, quantised } from './models.js'
import { renderFrames } from './pictures.js'
import { precisionTable } from './precision.js'
import { referenceReport } from './reference.js'
import { relayTable } from './relay.js'
import { rollsTable } from './rolls.js'
import { scenesTables } from './scenes.js'
import { sizingReport } from './sizing.js'
import { measuredCosts } from './sizing-costs.js'
import { stageTable } from './stages.js'
import { studyCommand } from './study.js'
import { tf32Table } from './tf32.js'
import { throughputTable } from './throughput.js'
import { usableTable } from './usable.js'
import { viewersTable } from './viewers.js'

const threads = Math.min(2, cpus().length)
const faceSize = 180
const say = (text: string): void => void process.stdout.write(`${text}\n`)

const benches: Record<string, () => Promise<string>> = {
  stages: async () => {
    const models = [
      { manifest: await demoModel(), rounds: 100 },
      { manifest: await fullSizeModel(), rounds: 7 }
    ]
    return stageTable(models, await renderFrames(30, faceSize), threads)
  },
  throughput: async () =>
    throughputTable([await demoModel(), await fullSizeModel()], await renderFrames(30, faceSize), threads, 9),
  batches: async () => {
    const benches = [
      { manifest: await demoModel(), faces: 400, rounds: 9 },
      { manifest: await fullSizeModel(), faces: 16, rounds: 3 }
    ]
    return batchTable(benches, threads)
  },
  latency: latencyOfAll,
  lrp: async () => lrpTable({ manifest: await fullSizeModel(), threads, rounds: 9 }),
  memory: memoryOfAll,
  look: async () => lookTable(await renderFrames(60, faceSize))
}

/** Benches that do not measure speed run only when they are named. */
const onRequest: typeof benches = {
  reference: async () => referenceReport(await demoModel(), threads),
  precision: async () => {
    const benches = [
      { manifest: await demoModel(), faces: 200, rounds: 9 },
      { manifest: await fullSizeModel(), faces: 8, rounds: 7 }
    ]
    return precisionTable(benches, threads)
  },
  rolls: () => rollsTable(),
  usable: usableTable,
  scenes: async () => scenesTables(),
  frozen: frozenTable,
  sizing: async () => sizingReport(await readFile(join(packageRoot, 'docs/operate/sizing.yaml'), 'utf8')),
  costs: async () =>
    measuredCosts(await renderFrames(30, faceSize), { small: await demoModel(), large: await fullSizeModel() }),
  tf32: async () => tf32Table([await demoModel(), await fullSizeModel()]),
  relay: relayTable,
  viewers: viewersTable,
  decoders: () => decoderTable(['ffmpeg', 'gstreamer']),
  explanations: async () => explanationsReport({ manifest: await demoModel(), threads, identities: 100 })
}

async function main(names: readonly string[]): Promise<number> {
  if (names[0] === 'gpu') return gpuCommand(names.slice(1), say)
  if (names[0] === 'study') return studyCommand(names.slice(1), say)
  if (names[1] === '--against') return latencyAgainst(names)
  const all = { ...benches, ...onRequest }
  // All of them first: most take minutes.
  const unknown = names.find((name) => !Object.hasOwn(all, name))
  if (unknown !== undefined) {
    const isHelp = unknown === '--help' || unknown === '-h'
    say(
      `${isHelp ? '' : `There is no bench "${unknown}".\n`}npm run bench -- [NAME]…: ${Object.keys(all).join(', ')}, gpu, study`
    )
    say(`Without a name: ${Object.keys(benches).join(', ')}. latency --against FOLDER compares with another build.`)
    return isHelp ? 0 : 2
  }
  say(`${cpus().length} cores (${cpus()[0]?.model.trim()}), ${threads} threads, Node.js ${process.version}`)
  for (const name of names.length > 0 ? names : Object.keys(benches)) {
    say(`\n## ${name}\n`)
    say(await all[name]!())
  }
  return 0
}

async function memoryOfAll(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-bench-'))
  try {
    return await memoryTable(await quantised(await fullSizeModel(), folder))
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function latencyOfAll(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-bench-'))
  try {
    const large = await fullSizeModel()
    return await latencyTable(latencyScenes(large, await quantised(large, folder)), 100)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** `latency --against FOLDER` */
async function latencyAgainst([name, , folder]: readonly string[]): Promise<number> {
  if (name !== 'latency' || !folder || !existsSync(join(folder, 'dist/main.js'))) {
    say(
      'npm run bench -- latency --against FOLDER: the folder of a built checkout of painlens, with its packages and face models'
    )
    return 2
  }
  say(await againstTables(resolve(folder), await fullSizeModel(), say))
  return 0
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => process.exit(report(error))
)
