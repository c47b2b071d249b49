/** The whole of `painlens study` on rendered people, from videos to a report and models/pain-demo. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { duration } from '#painlens/core/progress-line.js'
import { type DemoSize, type DemoSizeName, demoSizes } from './sizes.js'
import { demoSteps } from './steps.js'

export const usage = `Demonstrates painlens study on rendered people: pre-trains a small VGG, films subjects, then prepares, trains, evaluates and reports.

  npm run study:demo -- [options]
  --out DIR    where everything goes (default data/study-demo); a run that was stopped goes on there
  --quick      a few people and one epoch: says that it works, and nothing of the model
  --seed N     of the training (default 1)
  --install    then put model/pain-demo.* into models/
  --until STEP end after that step: ${demoSteps.map(({ name }) => name).join(', ')}
`

export interface DemoOptions {
  out: string
  sizeName: DemoSizeName
  seed: number
  install: boolean
  until: string | undefined
}

/** @throws Error for what it does not know */
export function parseDemoArguments(args: readonly string[]): DemoOptions | null {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const { values } = parseArgs({
    args: [...args],
    options: { out: text, quick: flag, seed: text, install: flag, until: text, help: { type: 'boolean', short: 'h' } }
  })
  if (values.help) return null
  const seed = Number(values.seed ?? 1)
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new Error(`--seed: "${values.seed}" is not a whole number from 0 on`)
  if (values.until !== undefined && !demoSteps.some(({ name }) => name === values.until))
    throw new Error(`--until: there is no step "${values.until}"`)
  return {
    out: values.out ?? 'data/study-demo',
    sizeName: values.quick ? 'quick' : 'full',
    seed,
    install: values.install ?? false,
    until: values.until
  }
}

/** What is done, by step, with the seconds it took; of one size and seed. */
interface Progress {
  sizeName: DemoSizeName
  /** What that name meant when the run was begun. */
  size: DemoSize
  seed: number
  seconds: Record<string, number>
}

/**
 * Runs the steps that are left. A step that was cut off goes on where its own work can, and is done again where not.
 * @returns the seconds of each step
 * @throws Error where the folder is of another size or seed, or a step fails; the signal's reason
 */
export async function runDemo(
  { out, sizeName, seed, until }: DemoOptions,
  write: (text: string) => void,
  signal: AbortSignal
): Promise<Record<string, number>> {
  await mkdir(out, { recursive: true })
  const file = join(out, 'progress.json')
  const found = await readFile(file, 'utf8').catch(() => null)
  const size = demoSizes[sizeName]
  const progress: Progress = found === null ? { sizeName, size, seed, seconds: {} } : JSON.parse(found)
  const isOld = progress.sizeName === sizeName && !isDeepStrictEqual(progress.size, size)
  if (progress.sizeName !== sizeName || progress.seed !== seed || isOld) {
    const held = `a run of size ${progress.sizeName}${isOld ? ', which has changed since,' : ''} and seed ${progress.seed}`
    throw new Error(`${out} holds ${held}: give another --out`)
  }
  const context = { out, size, seed, write, signal }
  for (const [i, { name, what, run }] of demoSteps.entries()) {
    const title = `[${i + 1}/${demoSteps.length}] ${name}`
    if (progress.seconds[name] === undefined) {
      write(`${title}: ${what}\n`)
      const startedAt = performance.now()
      await run(context)
      signal.throwIfAborted()
      progress.seconds[name] = Math.round((performance.now() - startedAt) / 100) / 10
      await writeFile(file, `${JSON.stringify(progress, null, 2)}\n`)
    }
    write(`${title}: done in ${duration(progress.seconds[name]! * 1000)}\n`)
    if (name === until) break
  }
  return progress.seconds
}
