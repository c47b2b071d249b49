/** `npm run bench -- gpu`: every model of the daemon on a GPU, held against the CPU (docs/measured/gpu.md). */
import { writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import * as ort from 'onnxruntime-node'
import { messageOf, UsageError } from '#painlens/core/errors.js'
import { proveProvider } from '#painlens/lib/ort/provider.js'
import { type ProviderName, providerNames } from '#painlens/lib/ort/provider-names.js'
import { type MeasureOptions, measureStage, type StageResult } from './gpu-measure.js'
import { gpuMemory } from './gpu-memory.js'
import { type GpuReport, markdownOf, problemsOf } from './gpu-report.js'
import { classifierStages, faceStages, type Stage } from './gpu-stages.js'
import { demoModel, faceModels, fullSizeModel } from './models.js'

export interface GpuBench {
  stages: readonly Stage[]
  /** What `provider` is proved with. */
  model: string
  provider: ProviderName
  budgetMs: number
  /** When no further batch is begun. */
  minutes: number
  say: (line: string) => void
}

const batches = [1, 2, 4, 8, 16]
const usage = `Use npm run bench -- gpu [--provider ${providerNames.join('|')}] [--out FILE.md|FILE.json].`

/** Everything that the daemon runs, with the demonstration model and a VGG-Face of full size. */
async function everything(): Promise<Pick<GpuBench, 'stages' | 'model' | 'budgetMs'>> {
  const [demo, full] = [await demoModel(), await fullSizeModel()]
  const stages = [...faceStages(faceModels), ...[demo, full].flatMap((manifest) => classifierStages(manifest, batches))]
  return { stages, model: demo.file, budgetMs: 1000 }
}

/** @returns the exit code: 1 where a number differs or a node ran elsewhere */
export async function gpuCommand(
  args: readonly string[],
  say: (text: string) => void,
  what: () => ReturnType<typeof everything> = everything
): Promise<number> {
  const { provider, out } = optionsOf(args)
  // A GPU is lent for ten minutes: what is begun last, a CPU reference perhaps, may take one.
  const report = await gpuBench({ ...(await what()), provider, minutes: 8, say })
  const markdown = markdownOf(report)
  say(markdown)
  if (out) await writeFile(out, out.endsWith('.json') ? `${JSON.stringify(report, null, 2)}\n` : `${markdown}\n`)
  return report.problems.length > 0 ? 1 : 0
}

function optionsOf(args: readonly string[]): { provider: ProviderName; out: string | undefined } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { provider: { type: 'string', default: 'cuda' }, out: { type: 'string' } }
    })
    const provider = providerNames.find((name) => name === values.provider)
    if (!provider) throw wrong(`there is no provider "${values.provider}"`)
    if (values.out && !/\.(md|json)$/.test(values.out)) throw wrong(`"${values.out}" ends in neither .md nor .json`)
    return { provider, out: values.out }
  } catch (error) {
    throw error instanceof UsageError ? error : wrong(messageOf(error))
  }
}

const wrong = (what: string): UsageError => new UsageError('PL-OPTION-VALUE', what, 'bench gpu', { fix: usage })

/** Measures all stages, on the CPU where the provider cannot be had. */
export async function gpuBench(bench: GpuBench): Promise<GpuReport> {
  const startedAt = performance.now()
  const threads = availableParallelism()
  const memory = await gpuMemory()
  const { provider, reason } = await providerFor(bench)
  if (reason) bench.say(reason)
  const options: MeasureOptions = {
    ...{ provider, threads, memory, budgetMs: bench.budgetMs },
    deadline: startedAt + bench.minutes * 60_000
  }
  const stages: StageResult[] = []
  for (const stage of bench.stages) {
    stages.push(await measureStage(stage, options))
    bench.say(`${((performance.now() - startedAt) / 1000).toFixed(0)} s: ${stage.model}, ${stage.name} is done`)
  }
  return {
    ...{ provider, requested: bench.provider, reason, stages, memory: memory.how },
    machine: machineOf(threads, memory.device),
    seconds: (performance.now() - startedAt) / 1000,
    problems: problemsOf(provider, stages)
  }
}

async function providerFor({ provider, model }: GpuBench): Promise<{ provider: ProviderName; reason: string | null }> {
  try {
    await proveProvider(provider, model)
    return { provider, reason: null }
  } catch (error) {
    if (provider === 'cpu') throw error
    const why = messageOf(error).split('\n')[0]!.replace(/\.$/, '')
    return {
      provider: 'cpu',
      reason: `The provider ${provider} cannot be had here: ${why}. The CPU is measured instead.`
    }
  }
}

function machineOf(threads: number, gpu: string | null): GpuReport['machine'] {
  return {
    ...{ gpu, threads, cpu: cpus()[0]?.model.trim() ?? 'unknown CPU', node: process.version },
    onnxruntime: ort.env.versions.node ?? 'unknown',
    tf32: process.env.NVIDIA_TF32_OVERRIDE !== '0'
  }
}
