/** `node tools/dist/bench/gpu-main.js`: the GPU bench alone, which needs of all packages only onnxruntime-node, yaml and zod. */
import { report } from '#painlens/commands/report.js'
import { gpuCommand } from './gpu.js'

gpuCommand(process.argv.slice(2), (text) => void process.stdout.write(`${text}\n`)).then(
  (code) => process.exit(code),
  (error: unknown) => process.exit(report(error))
)
