/** `npm run bench [-- stages|throughput|latency|lrp|memory|explanations|decoders]`: measures, and asserts nothing. */
import { cpus } from 'node:os'
import { report } from '../commands/report.js'
import { decoderTable } from './decoders.js'
import { explanationsReport } from './explanations/index.js'
import { latencyTable } from './latency.js'
import { latencyScenes } from './latency-scenes.js'
import { lrpTable } from './lrp.js'
import { memoryTable } from './memory.js'
import { demoModel, fullSizeModel } from './models.js'
import { renderFrames } from './pictures.js'
import { stageTable } from './stages.js'
import { throughputTable } from './throughput.js'

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
  latency: async () => latencyTable(latencyScenes(await fullSizeModel()), 100),
  lrp: async () => lrpTable({ manifest: await fullSizeModel(), threads, rounds: 9 }),
  memory: async () => memoryTable(await fullSizeModel())
}

/** What takes minutes, or needs more than painlens itself does, is done only when it is named. */
const onRequest: typeof benches = {
  decoders: () => decoderTable(['ffmpeg', 'gstreamer']),
  explanations: async () => explanationsReport({ manifest: await demoModel(), threads, identities: 100 })
}

async function main(names: readonly string[]): Promise<number> {
  say(`${cpus().length} cores (${cpus()[0]?.model.trim()}), ${threads} threads, Node.js ${process.version}`)
  for (const name of names.length > 0 ? names : Object.keys(benches)) {
    const bench = benches[name] ?? onRequest[name]
    if (!bench) {
      say(`there is no bench "${name}"; there are ${Object.keys({ ...benches, ...onRequest }).join(', ')}`)
      return 2
    }
    say(`\n## ${name}\n\n${await bench()}`)
  }
  return 0
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => process.exit(report(error))
)
