/**
 * `npm run bench -- study [--only training|caching|heap] [--rounds N]`: what training and the cache of features cost, each task in a process of its
 * own, in turns, beside its peers and the aims. Training and caching take some eight minutes on two cores.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { messageOf, UsageError } from '#painlens/core/errors.js'
import { packageRoot } from '#painlens/core/version.js'
import { median } from '#painlens/lib/statistics/index.js'
import { fullSizeModel } from './models.js'
import { type Cost, type PassTask, type StepsTask, threads } from './study-steps.js'
import { ms, table } from './table.js'

const run = promisify(execFile)
const parts = ['fc7+fc8', 'fc6–fc8'] as const
export type Part = (typeof parts)[number]

/** What is measured; tests take a net of their own. */
export interface StudyBench {
  /** Of the dense layers that are trained, from the features to the classes. */
  sizes: Record<Part, readonly number[]>
  /** Of painlens and PyTorch, and tfjs's, the largest that its heap takes (`--only heap`) or that ends within half a minute. */
  batch: { ours: number; tfjs: Record<Part, number> }
  steps: { ours: number; tfjs: number }
  /** Manifest of the base whose features are cached. */
  manifest: () => Promise<string>
  batches: number
  rounds: number
}

/** VGG-Face. tfjs: 32-bit WebAssembly has 4 GB, which take fc6's weights with plain gradient descent, and no momenta. */
const fullSize: StudyBench = {
  sizes: { 'fc7+fc8': [4096, 4096, 3], 'fc6–fc8': [25088, 4096, 4096, 3] },
  batch: { ours: 256, tfjs: { 'fc7+fc8': 256, 'fc6–fc8': 32 } },
  steps: { ours: 4, tfjs: 2 },
  manifest: async () => (await fullSizeModel()).path,
  batches: 3,
  rounds: 3
}

const choices = ['training', 'caching', 'heap'] as const
type Choice = (typeof choices)[number]
const usage = `Use npm run bench -- study [--only ${choices.join('|')}] [--rounds N].`

/** @returns the exit code: the aims are printed, and none fails */
export async function studyCommand(
  args: readonly string[],
  say: (text: string) => void,
  bench: StudyBench = fullSize
): Promise<number> {
  const { only, rounds = bench.rounds } = optionsOf(args)
  const asked = { ...bench, rounds }
  if (only === 'heap') say(await heapTable(asked))
  const aims: Aim[] = []
  if (only === null || only === 'training') aims.push(...(await training(asked, say)))
  if (only === null || only === 'caching') aims.push(...(await caching(asked, say)))
  if (aims.length > 0) say(`\n${aimsTable(aims)}`)
  return 0
}

function optionsOf(args: readonly string[]): { only: Choice | null; rounds?: number } {
  const text = { type: 'string' } as const
  const wrong = (what: string): UsageError => new UsageError('PL-OPTION-VALUE', what, 'bench study', { fix: usage })
  try {
    const { values } = parseArgs({ args: [...args], options: { only: text, rounds: text } })
    const only = choices.find((choice) => choice === values.only) ?? null
    if (values.only !== undefined && only === null) throw wrong(`there is no part "${values.only}"`)
    if (values.rounds === undefined) return { only }
    const rounds = Number(values.rounds)
    if (!Number.isSafeInteger(rounds) || rounds < 1) throw wrong(`"${values.rounds}" is no number of rounds`)
    return { only, rounds }
  } catch (error) {
    throw error instanceof UsageError ? error : wrong(messageOf(error))
  }
}

/** A figure that is aimed at, in how many times another's. */
export interface Aim {
  what: string
  wanted: { from: number } | { to: number }
  /** By the clock, and by processor time, which other work on the machine disturbs less; null where it was not measured. */
  clock: number | null
  processor: number | null
  unit: 'times' | 'MB'
}

export function aimsTable(aims: readonly Aim[]): string {
  const figure = (value: number | null, { unit }: Aim): string =>
    value === null ? 'not measured' : unit === 'MB' ? `${value.toFixed(0)} MB` : `${value.toFixed(2)} times`
  const rows = aims.map((aim) => {
    const { what, wanted, clock, processor } = aim
    const isMet = clock !== null && ('from' in wanted ? clock >= wanted.from : clock <= wanted.to)
    const said = 'from' in wanted ? `at least ${wanted.from}` : `at most ${wanted.to}`
    return [
      ...[what, `${said}${aim.unit === 'MB' ? ' MB' : ''}`, figure(clock, aim)],
      processor === null ? '' : figure(processor, aim),
      clock === null ? '' : isMet ? 'yes' : 'no'
    ]
  })
  return table(['aim', 'wanted', 'by the clock', 'by processor time', 'met'], rows)
}

const engines = { painlens: 'painlens', tfjs: 'tfjs', torch: 'PyTorch' } as const
type Engine = keyof typeof engines
interface Row {
  part: Part
  engine: Engine
  batch: number
  cost: () => Promise<Cost>
}

async function training(bench: StudyBench, say: (text: string) => void): Promise<Aim[]> {
  const python = await pythonWithTorch()
  const rows = parts.flatMap((part) => rowsOf(part, bench, python))
  const costs = await inTurns(rows, bench.rounds, ({ cost }) => cost())
  const found = (part: Part, engine: Engine): Cost | null =>
    costs.find(([row]) => row.part === part && row.engine === engine)?.[1] ?? null
  const body = costs.map(([{ part, engine, batch }, { wallMs, cpuMs, peakMb }]) => [
    ...[part, engines[engine], batch, (1000 / wallMs).toFixed(0)],
    ...[ms(wallMs), ms(cpuMs), `${peakMb.toFixed(0)} MB`]
  ])
  say(table(['trained', 'engine', 'batch', 'images a second', 'ms an image', 'processor ms', 'peak'], body))
  if (python === null)
    say('\nPyTorch was not measured: no Python here has it (Debian: python3-torch with libopenblas0-pthread).')
  return parts.flatMap((part) => aimsOf(part, bench, found))
}

function rowsOf(part: Part, { sizes, batch, steps }: StudyBench, python: string | null): Row[] {
  const own = { sizes: sizes[part], optimizer: 'momentum' } as const
  const ours: StepsTask = { ...own, task: 'painlens', batch: batch.ours, steps: steps.ours }
  const optimizer = part === 'fc6–fc8' ? 'sgd' : 'momentum'
  const tfjs: StepsTask = { ...own, task: 'tfjs', batch: batch.tfjs[part], steps: steps.tfjs, optimizer }
  return [
    { part, engine: 'painlens', batch: ours.batch, cost: () => costInChild(ours) },
    { part, engine: 'tfjs', batch: tfjs.batch, cost: () => costInChild(tfjs) },
    ...(python === null
      ? []
      : [{ part, engine: 'torch' as const, batch: ours.batch, cost: () => torchCost(python, ours) }])
  ]
}

const wantedOverTfjs: Record<Part, number> = { 'fc7+fc8': 20, 'fc6–fc8': 30 }
const mostPeakMb = 2600
const mostOverBare = 1.1

function aimsOf(part: Part, { batch }: StudyBench, found: (part: Part, engine: Engine) => Cost | null): Aim[] {
  const [ours, tfjs, torch] = (['painlens', 'tfjs', 'torch'] as const).map((engine) => found(part, engine))
  const name = `${part}, batch ${batch.ours}`
  const gradients = part === 'fc6–fc8' ? ' with plain gradient descent' : ''
  return [
    {
      what: `${name}: images a second, as a multiple of tfjs’s at batch ${batch.tfjs[part]}${gradients}`,
      wanted: { from: wantedOverTfjs[part] },
      ...ratio(tfjs!, ours!)
    },
    { what: `${name}: time, as a multiple of PyTorch’s`, wanted: { to: 1 }, ...ratio(ours!, torch!) },
    ...(part === 'fc6–fc8'
      ? [
          {
            what: `${name}: peak memory`,
            wanted: { to: mostPeakMb },
            clock: ours!.peakMb,
            processor: null,
            unit: 'MB' as const
          }
        ]
      : [])
  ]
}

function ratio(of: Cost | null, by: Cost | null): Pick<Aim, 'clock' | 'processor' | 'unit'> {
  if (!of || !by) return { clock: null, processor: null, unit: 'times' }
  return { clock: of.wallMs / by.wallMs, processor: of.cpuMs / by.cpuMs, unit: 'times' }
}

async function caching(bench: StudyBench, say: (text: string) => void): Promise<Aim[]> {
  const manifest = await bench.manifest()
  const tasks = (['caching', 'bare'] as const).map((task): PassTask => ({ task, manifest, batches: bench.batches }))
  const costs = await inTurns(tasks, bench.rounds, costInChild)
  const names = { caching: 'features into the cache, from PNG files', bare: 'ONNX Runtime alone, its own defaults' }
  const body = costs.map(([{ task }, { wallMs, cpuMs, peakMb }]) => [
    names[task],
    ms(wallMs),
    ms(cpuMs),
    `${peakMb.toFixed(0)} MB`
  ])
  say(`\n${table(['layers below fc7, batch 8', 'ms a crop', 'processor ms', 'peak'], body)}`)
  const [[, cached], [, bare]] = costs as [[PassTask, Cost], [PassTask, Cost]]
  return [
    { what: 'caching: time, as a multiple of the bare pass', wanted: { to: mostOverBare }, ...ratio(cached, bare) }
  ]
}

/** Each item once a round, one after the other: a machine that is busy for a while disturbs all alike. @returns medians over rounds */
async function inTurns<T>(
  items: readonly T[],
  rounds: number,
  costOf: (item: T) => Promise<Cost>
): Promise<[T, Cost][]> {
  const costs = items.map((item): [T, Cost[]] => [item, []])
  for (let round = 0; round < rounds; round++) for (const [item, list] of costs) list.push(await costOf(item))
  const middle = (list: readonly Cost[], key: keyof Cost): number => median(list.map((one) => one[key]))
  return costs.map(([item, list]) => [
    item,
    { wallMs: middle(list, 'wallMs'), cpuMs: middle(list, 'cpuMs'), peakMb: middle(list, 'peakMb') }
  ])
}

/** One step of tfjs at batch 8, 16 and so on, until its heap does not take it. */
async function heapTable({ sizes }: StudyBench): Promise<string> {
  const rows: string[][] = []
  for (const part of parts)
    for (const optimizer of ['momentum', 'sgd'] as const) {
      let largest = 0
      let why = ''
      for (let batch = 8; batch <= 1024 && why === ''; batch *= 2) {
        const task: StepsTask = { task: 'tfjs', sizes: sizes[part], batch, steps: 1, optimizer }
        why = await costInChild(task).then(
          () => '',
          (error: { stderr?: string }) =>
            /^.*(Error|memory).*$/im.exec(error.stderr ?? '')?.[0].trim() ?? messageOf(error)
        )
        if (why === '') largest = batch
      }
      rows.push([part, optimizer, largest === 0 ? 'none' : String(largest), why || 'none was tried'])
    }
  return table(['trained', 'optimizer', 'largest batch of tfjs', 'the next one'], rows)
}

const stepsScript = join(packageRoot, 'tools/dist/bench/study-steps.js')

async function costInChild(task: StepsTask | PassTask): Promise<Cost> {
  const { stdout } = await run(process.execPath, [stepsScript, JSON.stringify(task)])
  return JSON.parse(stdout) as Cost
}

async function torchCost(python: string, { batch, steps, sizes }: StepsTask): Promise<Cost> {
  const { stdout } = await run(python, [
    join(packageRoot, 'tools/bench/torch-step.py'),
    ...[threads, batch, steps, ...sizes].map(String)
  ])
  return JSON.parse(stdout) as Cost
}

/** Debian's packages belong to Debian's own Python, which another one may stand before. */
async function pythonWithTorch(): Promise<string | null> {
  for (const python of ['/usr/bin/python3', 'python3'])
    if (
      await run(python, ['-c', 'import torch']).then(
        () => true,
        () => false
      )
    )
      return python
  return null
}
