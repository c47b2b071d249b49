/** What the GPU bench found, as Markdown for people and as JSON. */
import { differenceBound, type StageResult } from './gpu-measure.js'
import { ms, table } from './table.js'

export interface GpuReport {
  /** The provider that the tables are about: `cuda`, `tensorrt` or `cpu`. */
  provider: string
  requested: string
  /** Why it is not the requested one. */
  reason: string | null
  machine: { gpu: string | null; cpu: string; threads: number; node: string; onnxruntime: string; tf32: boolean }
  memory: string
  seconds: number
  stages: StageResult[]
  problems: string[]
}

/** Problems, one sentence each; empty if there are none. On the CPU no node can have fallen back to it. */
export function problemsOf(provider: string, stages: readonly StageResult[]): string[] {
  return stages.flatMap((result) => {
    const title = `${result.model}, ${result.stage}`
    const found = result.error ? [`${title}: failed (${result.error})`] : []
    for (const { batch, difference } of result.batches)
      if (!(difference <= differenceBound))
        found.push(`${title}, batch ${batch}: differs from the CPU by ${share(difference)} of the largest value`)
    if (provider !== 'cpu' && result.elsewhere.length > 0)
      found.push(`${title}: ${result.elsewhere.length} of ${result.nodes} nodes ran elsewhere (${listed(result)})`)
    return found
  })
}

function listed({ elsewhere }: StageResult): string {
  const shown = elsewhere.slice(0, 8).map(({ name, operator, provider }) => `${name}: ${operator} on ${provider}`)
  return [...shown, ...(elsewhere.length > shown.length ? ['…'] : [])].join(', ')
}

export interface ExplainedRate {
  model: string
  composite: string
  batch: number
  fps: number
}

/**
 * Frames a second, one face in each, if every one is searched as a whole, classified and explained, one after the other;
 * the classifier and the explanation in batches.
 */
export function explainedRates(stages: readonly StageResult[]): ExplainedRate[] {
  const faceMs = stages
    .filter(({ kind }) => kind === 'face')
    .reduce((sum, { batches }) => sum + (batches[0]?.ms ?? 0), 0)
  return stages
    .filter(({ kind }) => kind === 'explain')
    .flatMap(({ model, stage, batches }) =>
      batches.flatMap(({ batch, ms: explainMs }) => {
        const classify = stages.find((other) => other.kind === 'classify' && other.model === model)
        const classifyMs = classify?.batches.find((other) => other.batch === batch)?.ms
        if (classifyMs === undefined) return []
        const fps = (1000 * batch) / (batch * faceMs + classifyMs + explainMs)
        return [{ model, composite: stage.replace('explain, ', ''), batch, fps }]
      })
    )
}

export function markdownOf(report: GpuReport): string {
  const { provider, reason, machine, stages, problems } = report
  const where = provider === 'cpu' ? 'the CPU' : `${machine.gpu ?? 'a GPU'} (${provider})`
  return [
    ...(reason ? [reason] : []),
    `All figures below are of **${where}**: ${machine.cpu}, ${machine.threads} threads, Node.js ${machine.node}, ONNX Runtime ${machine.onnxruntime}, TF32 ${machine.tf32 ? 'allowed' : 'off'}; ${report.seconds.toFixed(0)} s.`,
    `### Milliseconds per batch on ${where}`,
    timesTable(stages),
    '### Frames a second, each with a face that is explained',
    ratesTable(explainedRates(stages)),
    '### The same numbers as the CPU, and where they come from',
    checksTable(stages),
    `Memory: ${report.memory}.`,
    problems.length > 0
      ? `**Not as it must be:**\n\n${problems.map((problem) => `- ${problem}`).join('\n')}`
      : `Every output is within ${differenceBound} of the largest of the CPU's${provider === 'cpu' ? '' : ', and no node ran elsewhere'}.`
  ].join('\n\n')
}

function batchesOf(stages: readonly StageResult[]): number[] {
  const sizes = stages.flatMap(({ batches, skipped }) => [...batches.map(({ batch }) => batch), ...skipped])
  return [...new Set(sizes)].sort((a, b) => a - b)
}

function timesTable(stages: readonly StageResult[]): string {
  const sizes = batchesOf(stages)
  const rows = stages.map(({ model, stage, batches, skipped, kind }) => [
    model,
    stage,
    ...sizes.map((size) => {
      const found = batches.find(({ batch }) => batch === size)
      if (found) return ms(found.ms)
      if (skipped.includes(size)) return 'no time'
      return kind === 'face' ? 'n/a' : '–'
    })
  ])
  return table(['model', 'stage', ...sizes.map((size) => `batch ${size}`)], rows)
}

function ratesTable(rates: readonly ExplainedRate[]): string {
  const sizes = [...new Set(rates.map(({ batch }) => batch))]
  const titles = [...new Set(rates.map(({ model, composite }) => `${model}\n${composite}`))]
  const rows = titles.map((title) => {
    const [model, composite] = title.split('\n') as [string, string]
    const own = rates.filter((rate) => rate.model === model && rate.composite === composite)
    return [model, composite, ...sizes.map((size) => own.find(({ batch }) => batch === size)?.fps.toFixed(1) ?? '–')]
  })
  return table(['model', 'composite', ...sizes.map((size) => `batch ${size}`)], rows)
}

function checksTable(stages: readonly StageResult[]): string {
  const rows = stages.map((result) => [
    result.model,
    result.stage,
    result.error ? 'failed' : share(Math.max(...result.batches.map(({ difference }) => difference))),
    share(result.moved),
    String(result.tried),
    String(result.nodes),
    result.elsewhere.length === 0 ? 'none' : `${result.elsewhere.length}: ${listed(result)}`,
    String(result.copies),
    result.memoryBytes === null ? 'n/a' : `${(result.memoryBytes / 1e6).toFixed(0)} MB`
  ])
  return table(
    [
      'model',
      'stage',
      'difference',
      'by last bits',
      'pictures tried',
      'nodes',
      'ran elsewhere',
      'copies inside',
      'memory'
    ],
    rows
  )
}

function share(value: number): string {
  return value === 0 ? '0' : value.toExponential(1)
}
